#include "conformance/conformance.hpp"

#include <map>

// The places where delayed retries wait, and that they come back to their group when they are due.
namespace fairlead::conformance {
namespace {

class Retries : public Conformance {
 protected:
  [[nodiscard]] Config config_with_tiers(std::vector<std::chrono::milliseconds> tiers) const {
    auto configuration = config();
    billing_of(configuration).retry.tiers = std::move(tiers);
    return configuration;
  }
  /// Publishes to the retries of `billing` after that delay, such as `1s`; to those at once without one.
  [[nodiscard]] Result<Receipt> publish_retry(Broker& broker, std::string const& delay, std::string payload,
                                              std::string key = {}) const {
    auto const name = destination_ + "." + group_of("billing") + ".retry" + (delay.empty() ? "" : "." + delay);
    return broker.publisher(name).value().publish(Message{.payload = std::move(payload), .key = std::move(key)});
  }
};
INSTANTIATE_TEST_SUITE_P(On, Retries, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Retries, MessageComesBackToItsGroupNoEarlierThanItsDelay) {
  Recorder recorder;
  auto broker = open(config_with_tiers({1s}));
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  publish(*broker, "the member has started");
  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));

  Stopwatch const watch;
  ASSERT_TRUE(publish_retry(*broker, "1s", "m", "user-7"));

  ASSERT_TRUE(eventually([&] { return recorder.begun() == 2; }));
  EXPECT_GE(watch.elapsed(), 1s);
  EXPECT_LT(watch.elapsed(), 1s + kSlack);
  auto const seen = recorder.seen().back();
  EXPECT_EQ(seen.payload, "m");
  EXPECT_EQ(seen.key, "user-7");
  EXPECT_EQ(seen.destination, destination_);
  EXPECT_EQ(seen.group, group_of("billing"));
}

TEST_P(Retries, WhatWaitsHoldsUpNeitherFreshMessagesNorShorterTiers) {
  Recorder recorder;
  auto broker = open(config_with_tiers({100ms, 1h}));
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  ASSERT_TRUE(publish_retry(*broker, "1h", "later"));

  for (int round = 0; round < 3; ++round) {
    auto const number = std::to_string(round);
    ASSERT_TRUE(publish_retry(*broker, "100ms", "soon" + number));
    publish(*broker, "fresh" + number);
    ASSERT_TRUE(eventually([&] { return recorder.has("soon" + number) && recorder.has("fresh" + number); }));
  }

  EXPECT_FALSE(recorder.has("later"));
  EXPECT_TRUE(broker->close(kPatience)) << "a message that waits must not hold up the end";
}

TEST_P(Retries, MessagesOfOneKeyComeBackInTheirOrder) {
  Recorder recorder;
  auto broker = open(config_with_tiers({300ms}));
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  std::vector<std::string> published;
  auto tier = broker->publisher(destination_ + "." + group_of("billing") + ".retry.300ms").value();
  for (auto const& message : numbered("m", 50, "user-7")) {
    ASSERT_TRUE(tier.publish(message));
    published.push_back(message.payload);
  }

  ASSERT_TRUE(eventually([&] { return recorder.finished() == 50; }));
  EXPECT_EQ(recorder.payloads(), published);
}

TEST_P(Retries, WhatIsPublishedBeforeTheFirstMemberStartsIsKept) {
  Recorder recorder;
  auto configuration = config_with_tiers({100ms});
  billing_of(configuration).start = StartFrom::kLatest;
  {
    auto producer = open(configuration);
    ASSERT_TRUE(producer->declare(destination_));
    ASSERT_TRUE(publish_retry(*producer, "100ms", "m"));
  }
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));
  EXPECT_EQ(recorder.payloads(), std::vector<std::string>{"m"});
}

TEST_P(Retries, NothingThatWaitsIsLostWhenTheMemberRestarts) {
  Recorder before;
  Recorder after;
  auto const configuration = config_with_tiers({50ms, 2s});
  {
    auto broker = open(configuration);
    auto billing = broker->subscribe("billing", before.handler()).value();
    for (auto const& message : numbered("m", 20)) ASSERT_TRUE(publish_retry(*broker, "2s", message.payload));
    ASSERT_TRUE(publish_retry(*broker, "50ms", "the member reads its retries"));
    ASSERT_TRUE(eventually([&] { return before.finished() >= 1; }));
    ASSERT_TRUE(broker->close(kPatience));
  }
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", after.handler()).value();

  auto const all = [&] {
    auto seen = before.distinct_payloads();
    seen.merge(after.distinct_payloads());
    return seen;
  };
  EXPECT_TRUE(eventually([&] { return all().size() == 21; })) << all().size();
  EXPECT_EQ(before.begun() + after.begun(), 21U)
      << "something came twice; before: " << testing::PrintToString(before.payloads())
      << ", after: " << testing::PrintToString(after.payloads())
      << ", first redelivered: " << after.seen().front().redelivered;
}

TEST_P(Retries, OtherGroupsDoNotGetWhatWaitsForOne) {
  Recorder billing_seen;
  Recorder shipping_seen;
  auto configuration = config_with_tiers({100ms});
  add_group(configuration, "shipping").retry.tiers = {100ms};
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_seen.handler()).value();
  auto shipping = broker->subscribe("shipping", shipping_seen.handler()).value();

  ASSERT_TRUE(publish_retry(*broker, "100ms", "retried"));
  ASSERT_TRUE(eventually([&] { return billing_seen.has("retried"); }));
  publish(*broker, "for all");

  ASSERT_TRUE(eventually([&] { return billing_seen.has("for all") && shipping_seen.has("for all"); }));
  EXPECT_EQ(shipping_seen.payloads(), std::vector<std::string>{"for all"});
}

TEST_P(Retries, WithoutADelayTheMessageComesToItsGroupAtOnce) {
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  ASSERT_TRUE(publish_retry(*broker, "", "m", "user-7"));

  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));
  EXPECT_EQ(recorder.seen().front().payload, "m");
  EXPECT_EQ(recorder.seen().front().key, "user-7");
}

TEST_P(Retries, KeyComesBackToTheMemberThatHandlesIt) {
  Recorder first_seen;
  Recorder second_seen;
  auto configuration = config_with_tiers({100ms});
  orders_of(configuration).partitions = 6;
  auto first = open(configuration);
  if (auto const& can = first->capabilities().spread_by_partition; !can) GTEST_SKIP() << can.reason;
  auto second = open(configuration);
  auto first_member = first->subscribe("billing", first_seen.handler()).value();
  auto second_member = second->subscribe("billing", second_seen.handler()).value();
  auto const both_have_their_share = [&] {
    std::vector<Message> messages;
    for (int key = 0; key < 60; ++key) messages.push_back({.payload = "settling in", .key = std::to_string(key)});
    auto const first_before = first_seen.finished();
    auto const second_before = second_seen.finished();
    publish(*first, messages);
    return eventually([&] {
             auto const first_more = first_seen.finished() - first_before;
             auto const second_more = second_seen.finished() - second_before;
             return first_more + second_more >= 60;
           }) &&
           first_seen.finished() > first_before && second_seen.finished() > second_before;
  };
  ASSERT_TRUE(eventually(both_have_their_share));

  std::vector<Message> messages;
  for (int key = 0; key < 60; ++key) {
    auto const name = std::to_string(key);
    messages.push_back({.payload = "fresh", .key = name});
    ASSERT_TRUE(publish_retry(*first, "100ms", "retried", name));
  }
  publish(*first, messages);

  auto const keys = [](Recorder const& recorder, std::string_view payload) {
    std::map<std::string, std::int32_t> found;
    for (auto const& seen : recorder.seen()) {
      if (seen.payload == payload) found[seen.key] = seen.partition;
    }
    return found;
  };
  ASSERT_TRUE(eventually([&] {
    return keys(first_seen, "retried").size() + keys(second_seen, "retried").size() >= 60 &&
           keys(first_seen, "fresh").size() + keys(second_seen, "fresh").size() >= 60;
  }));
  EXPECT_FALSE(keys(first_seen, "fresh").empty());
  EXPECT_FALSE(keys(second_seen, "fresh").empty());
  EXPECT_EQ(keys(first_seen, "fresh"), keys(first_seen, "retried"));
  EXPECT_EQ(keys(second_seen, "fresh"), keys(second_seen, "retried"));
}

}  // namespace
}  // namespace fairlead::conformance
