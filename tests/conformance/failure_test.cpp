#include "conformance/conformance.hpp"

#include <map>

// How often a failed message is handled, what its handler sees each time, and who else does: through retries in place,
// delayed retries and the dead letter.
namespace fairlead::conformance {
namespace {

class Failure : public Conformance {
 protected:
  /// Handled `in_place` times, then once after each tier.
  [[nodiscard]] Config config_with(int in_place, std::vector<std::chrono::milliseconds> tiers) const {
    auto configuration = config();
    auto& retry = billing_of(configuration).retry;
    retry.max_attempts = in_place + static_cast<int>(tiers.size());
    retry.tiers = std::move(tiers);
    read_dead_letters(configuration);
    return configuration;
  }
  Recorder handled_;
  Recorder dead_;
};
INSTANTIATE_TEST_SUITE_P(On, Failure, testing::ValuesIn(brokers_under_test()), name_of);

using Attempts = std::vector<std::uint32_t>;

/// The attempts of each message in the order in which they began.
std::map<std::string, Attempts> attempts_by_payload(Recorder const& recorder) {
  std::map<std::string, Attempts> attempts;
  for (Seen const& seen : recorder.seen()) attempts[seen.payload].push_back(seen.attempt);
  return attempts;
}

std::map<std::string, std::string> by_name(Headers const& headers) {
  std::map<std::string, std::string> sorted;
  for (auto const& header : headers) sorted[header.name] = header.value;
  return sorted;
}

TEST_P(Failure, IsHandledExactlyMaxAttemptsTimesAndThenKept) {
  auto broker = open(config_with(3, {200ms, 400ms}));
  auto billing =
      broker->subscribe("billing", handled_.handler([](Seen const&) { return retry("the ledger is down"); })).value();
  auto dead = broker->subscribe("inspection", dead_.handler()).value();

  publish(*broker, numbered("m", 10));

  ASSERT_TRUE(eventually([&] { return dead_.finished() >= 10 && billing.stats().in_flight == 0; })) << dead_.finished();
  ASSERT_TRUE(broker->drain(kPatience));
  auto const attempts = attempts_by_payload(handled_);
  EXPECT_EQ(attempts.size(), 10U);
  for (auto const& [payload, seen] : attempts) EXPECT_EQ(seen, (Attempts{1, 2, 3, 4, 5})) << payload;
  EXPECT_EQ(dead_.begun(), 10U);
  for (Seen const& seen : dead_.seen()) EXPECT_EQ(seen.header("fairlead-attempts"), "5") << seen.payload;
  auto const stats = billing.stats();
  EXPECT_EQ(stats.retried, 20U);
  EXPECT_EQ(stats.delayed, 20U);
  EXPECT_EQ(stats.dead_lettered, 10U);
  EXPECT_EQ(stats.handled, 0U);
}

TEST_P(Failure, RetriesEndWithTheFirstSuccess) {
  auto broker = open(config_with(2, {200ms, 400ms}));
  auto billing = broker
                     ->subscribe("billing", handled_.handler([](Seen const& message) {
                       // m0 succeeds at once, m1 after one failure, and so on.
                       auto const failures = static_cast<std::uint32_t>(message.payload.back() - '0');
                       return message.attempt > failures ? ack() : retry("not yet");
                     }))
                     .value();

  publish(*broker, numbered("m", 4));

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 4; })) << billing.stats().handled;
  ASSERT_TRUE(broker->drain(kPatience));
  EXPECT_EQ(attempts_by_payload(handled_),
            (std::map<std::string, Attempts>{{"m0", {1}}, {"m1", {1, 2}}, {"m2", {1, 2, 3}}, {"m3", {1, 2, 3, 4}}}));
  EXPECT_EQ(billing.stats().dead_lettered, 0U);
}

TEST_P(Failure, EachAttemptSeesTheMessageAsItWasPublished) {
  auto configuration = config_with(2, {200ms, 400ms});
  orders_of(configuration).partitions = 3;
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing", handled_.handler([](Seen const& message) {
                       return message.attempt == 4 ? ack() : retry("not yet");
                     }))
                     .value();
  Message const message{.payload = std::string("a\0b\xff", 4),
                        .key = "user-7",
                        .headers = {{"tenant", "blue"}, {"binary", std::string("\0\xfe", 2)}, {"empty", ""}},
                        .id = "order-7",
                        .idempotency_key = "order-7:created",
                        .routing_key = "eu.web",
                        .content_type = "text/plain"};

  publish(*broker, {message});

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 1; }));
  auto const seen = handled_.seen();
  ASSERT_EQ(seen.size(), 4U);
  auto const trace_id = [](Seen const& each) { return each.traceparent.substr(0, 35); };
  for (Seen const& each : seen) {
    SCOPED_TRACE("attempt " + std::to_string(each.attempt));
    EXPECT_EQ(each.payload, message.payload);
    EXPECT_EQ(each.key, message.key);
    EXPECT_EQ(by_name(each.headers), by_name(message.headers)) << "and none of the library's own";
    EXPECT_EQ(each.id, message.id);
    EXPECT_EQ(each.idempotency_key, message.idempotency_key);
    EXPECT_EQ(each.content_type, message.content_type);
    EXPECT_EQ(each.routing_key, message.routing_key);
    EXPECT_EQ(trace_id(each), trace_id(seen.front()));
    EXPECT_EQ(each.destination, destination_);
    EXPECT_EQ(each.group, group_of("billing"));
    EXPECT_EQ(each.partition, seen.front().partition);
  }
}

TEST_P(Failure, EnvelopeOfAnotherGroupIsNotBelieved) {
  auto broker = open(config());
  auto billing = broker->subscribe("billing", handled_.handler()).value();
  Message message{.payload = "m"};
  message.headers = {{"fairlead-group", "shipping"}, {"fairlead-attempts", "4"}, {"tenant", "blue"}};

  publish(*broker, {message});

  ASSERT_TRUE(eventually([&] { return handled_.finished() == 1; }));
  auto const seen = handled_.seen().front();
  EXPECT_EQ(seen.attempt, 1U);
  EXPECT_EQ(by_name(seen.headers), (std::map<std::string, std::string>{{"tenant", "blue"}}));
}

TEST_P(Failure, OnlyTheGroupThatFailedGetsItsRetries) {
  Recorder shipping_seen;
  auto configuration = config_with(2, {200ms, 400ms});
  add_group(configuration, "shipping").retry = billing_of(configuration).retry;
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing", handled_.handler([](Seen const& message) {
                       return message.attempt == 4 ? ack() : retry("not yet");
                     }))
                     .value();
  auto shipping = broker->subscribe("shipping", shipping_seen.handler()).value();

  publish(*broker, numbered("m", 5));
  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 5; })) << billing.stats().handled;
  publish(*broker, "last");

  ASSERT_TRUE(eventually([&] { return shipping_seen.has("last"); }));
  EXPECT_EQ(shipping_seen.begun(), 6U);
  for (Seen const& seen : shipping_seen.seen()) EXPECT_EQ(seen.attempt, 1U) << seen.payload;
}

TEST_P(Failure, MessageThatWaitsInATierIsOvertakenByOthersOfItsKey) {
  auto broker = open(config_with(1, {2s}));
  auto billing = broker
                     ->subscribe("billing", handled_.handler([](Seen const& message) {
                       return message.payload == "waits" && message.attempt == 1 ? retry("not yet") : ack();
                     }))
                     .value();

  publish(*broker, "waits", "user-7");
  publish(*broker, "overtakes", "user-7");

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 2; }));
  EXPECT_EQ(handled_.payloads(), (std::vector<std::string>{"waits", "overtakes", "waits"}));
}

TEST_P(Failure, RetryThatAsksForLongerWaitsInALongerTier) {
  Stopwatch watch;
  std::chrono::milliseconds waited{0};
  auto broker = open(config_with(1, {100ms, 900ms}));
  auto billing = broker
                     ->subscribe("billing", handled_.handler([&](Seen const& message) {
                       if (message.attempt > 1) {
                         waited = watch.elapsed();
                         return ack();
                       }
                       watch = Stopwatch();
                       return retry(800ms, "come back later");
                     }))
                     .value();

  publish(*broker, "m");

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 1; }));
  EXPECT_GE(waited, 800ms);
  EXPECT_EQ(billing.stats().delayed, 1U);
}

TEST_P(Failure, AttemptsGoOnCountingWhenTheMemberRestartsMeanwhile) {
  Recorder after;
  auto const configuration = config_with(2, {1s});
  {
    auto broker = open(configuration);
    auto billing = broker->subscribe("billing", handled_.handler([](Seen const&) { return retry("not yet"); })).value();
    publish(*broker, "m", "user-7");
    ASSERT_TRUE(eventually([&] { return billing.stats().delayed == 1; }));
    ASSERT_TRUE(broker->close(kPatience));
  }
  ASSERT_EQ(attempts_by_payload(handled_), (std::map<std::string, Attempts>{{"m", {1, 2}}}));
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", after.handler([](Seen const&) { return retry("not ever"); })).value();
  auto dead = broker->subscribe("inspection", dead_.handler()).value();

  ASSERT_TRUE(eventually([&] { return dead_.finished() == 1; }));
  EXPECT_EQ(attempts_by_payload(after), (std::map<std::string, Attempts>{{"m", {3}}}));
  EXPECT_EQ(dead_.seen().front().header("fairlead-attempts"), "3");
  EXPECT_EQ(dead_.seen().front().key, "user-7");
}

}  // namespace
}  // namespace fairlead::conformance
