#include "conformance/conformance.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

// Retries that wait in the queues of RabbitMQ, and what its queues do with messages that come again and again. Where
// retries are kept otherwise, retry_test.cpp says what holds.
namespace fairlead::conformance {
namespace {

class RetryQueue : public Conformance {
 protected:
  void SetUp() override {
    Conformance::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (!url_.starts_with("amqp")) GTEST_SKIP() << "this broker keeps retries otherwise";
  }

  /// Two groups, of which `billing` has one tier.
  [[nodiscard]] Config with_tier(std::chrono::milliseconds delay) const {
    auto configuration = config();
    billing_of(configuration).retry.tiers = {delay};
    add_group(configuration, "shipping");
    return configuration;
  }
  [[nodiscard]] std::string retry_name() const { return destination_ + "." + group_of("billing") + ".retry"; }

  /// A member that dies: what it has taken in was delivered once more, for nothing.
  void take_and_drop(Config const& configuration, std::string const& subscription, std::size_t messages) {
    Recorder seen;
    auto broker = open(configuration);
    auto member =
        broker->subscribe(subscription, seen.handler([](Seen const&) { return retry(1h, "not now"); })).value();
    ASSERT_TRUE(eventually([&] { return seen.begun() >= messages; })) << seen.begun();
  }

  Recorder billing_;
  Recorder shipping_;
};
INSTANTIATE_TEST_SUITE_P(On, RetryQueue, testing::ValuesIn(brokers_under_test()), name_of);

constexpr auto kDelay = 500ms;

TEST_P(RetryQueue, AMessageComesBackAfterTheDelayAsItWasAndToItsGroupOnly) {
  auto const configuration = with_tier(kDelay);
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_.handler()).value();
  auto shipping = broker->subscribe("shipping", shipping_.handler()).value();
  auto tier = broker->publisher(retry_name() + ".500ms").value();
  Headers const headers{{"tenant", "blue"}, {"region", std::string("\0\xfe", 2)}};

  Stopwatch const waited;
  ASSERT_TRUE(tier.publish("m", {.key = "ann",
                                 .id = "order-1",
                                 .idempotency_key = "order-1:created",
                                 .routing_key = "eu.web",
                                 .content_type = "text/plain",
                                 .headers = headers}));

  ASSERT_TRUE(eventually([&] { return billing_.finished() == 1; }));
  EXPECT_GE(waited.elapsed(), kDelay - 50ms);
  auto const back = billing_.seen().front();
  EXPECT_EQ(back.payload, "m");
  EXPECT_EQ(back.key, "ann");
  EXPECT_EQ(back.id, "order-1");
  EXPECT_EQ(back.idempotency_key, "order-1:created");
  EXPECT_EQ(back.routing_key, "eu.web");
  EXPECT_EQ(back.content_type, "text/plain");
  EXPECT_EQ(back.headers.size(), headers.size());  // in the order of their names: dead-lettering sorts them
  for (auto const& header : headers) EXPECT_EQ(back.header(header.name), header.value);
  publish(*broker, "new");
  ASSERT_TRUE(eventually([&] { return shipping_.finished() == 1 && billing_.finished() == 2; }));
  EXPECT_EQ(shipping_.payloads(), std::vector<std::string>{"new"});
}

TEST_P(RetryQueue, AMessageWithoutRoutingWordsShowsNone) {
  auto const configuration = with_tier(kDelay);
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_.handler()).value();
  ASSERT_TRUE(broker->publisher(retry_name() + ".500ms")->publish("late"));
  ASSERT_TRUE(broker->publisher(retry_name())->publish("at once"));

  ASSERT_TRUE(eventually([&] { return billing_.finished() == 2; }));
  EXPECT_EQ(billing_.payloads(), (std::vector<std::string>{"at once", "late"}));
  for (auto const& seen : billing_.seen()) EXPECT_EQ(seen.routing_key, "") << seen.payload;
}

TEST_P(RetryQueue, AKeyComesBackToItsOwnPartition) {
  auto configuration = with_tier(kDelay);
  orders_of(configuration).partitions = 4;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_.handler()).value();
  std::vector<std::string> const keys{"ann", "bob", "cid", "dan", "eve", "fay"};
  auto orders = broker->publisher(destination_).value();
  auto tier = broker->publisher(retry_name() + ".500ms").value();
  auto at_once = broker->publisher(retry_name()).value();
  for (auto const& key : keys) {
    ASSERT_TRUE(orders.publish("first", {.key = key, .routing_key = "eu.web"}));
    ASSERT_TRUE(tier.publish("late", {.key = key, .routing_key = "eu.web"}));
    ASSERT_TRUE(at_once.publish("at once", {.key = key, .routing_key = "eu.web"}));
  }

  ASSERT_TRUE(eventually([&] { return billing_.finished() == 3 * keys.size(); })) << billing_.finished();
  std::map<std::string, std::set<std::int32_t>> partitions;
  for (auto const& seen : billing_.seen()) {
    partitions[seen.key].insert(seen.partition);
    EXPECT_EQ(seen.routing_key, "eu.web") << seen.payload;
  }
  for (auto const& [key, its] : partitions) EXPECT_EQ(its.size(), 1U) << key;
  std::set<std::int32_t> all;
  for (auto const& [key, its] : partitions) all.insert(its.begin(), its.end());
  EXPECT_GT(all.size(), 1U);
}

TEST_P(RetryQueue, KeylessMessagesComeBackToAllPartitions) {
  auto configuration = with_tier(kDelay);
  orders_of(configuration).partitions = 3;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_.handler()).value();
  auto tier = broker->publisher(retry_name() + ".500ms").value();
  for (auto const& result : tier.publish_batch(numbered("m", 30))) ASSERT_TRUE(result);

  ASSERT_TRUE(eventually([&] { return billing_.finished() == 30; })) << billing_.finished();
  std::set<std::int32_t> partitions;
  for (auto const& seen : billing_.seen()) partitions.insert(seen.partition);
  EXPECT_EQ(partitions, (std::set<std::int32_t>{0, 1, 2}));
}

TEST_P(RetryQueue, ManyMessagesComeBackOnceAndInOrder) {
  auto const configuration = with_tier(kDelay);
  auto const messages = numbered("m", 3'000, "one key");
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_.handler()).value();
  auto tier = broker->publisher(retry_name() + ".500ms").value();
  for (auto const& result : tier.publish_batch(messages)) ASSERT_TRUE(result);

  ASSERT_TRUE(eventually([&] { return billing_.finished() >= messages.size(); })) << billing_.finished();
  EXPECT_EQ(billing_.payloads(), payloads_of(messages));
}

TEST_P(RetryQueue, AClassicDestinationHasTiersThatTakePriorities) {
  auto configuration = with_tier(kDelay);
  orders_of(configuration).amqp.queue_type = QueueType::kClassic;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_.handler()).value();
  ASSERT_TRUE(broker->publisher(retry_name() + ".500ms")->publish("m", {.priority = std::uint8_t{7}}));

  ASSERT_TRUE(eventually([&] { return billing_.finished() == 1; }));
}

TEST_P(RetryQueue, WhatFellDueWhileNobodyRanIsKept) {
  auto const configuration = with_tier(100ms);
  {
    auto broker = open(configuration);
    ASSERT_TRUE(broker->declare(destination_));
    auto tier = broker->publisher(retry_name() + ".100ms").value();
    for (auto const& result : tier.publish_batch(numbered("m", 100))) ASSERT_TRUE(result);
  }
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_.handler()).value();
  ASSERT_TRUE(eventually([&] { return billing_.finished() >= 100; })) << billing_.finished();
  EXPECT_EQ(billing_.distinct_payloads(), distinct(payloads_of(numbered("m", 100))));
}

TEST_P(RetryQueue, TheWayBackToAGroupThatWasNeverDeclaredIsUnroutable) {
  auto configuration = config();
  orders_of(configuration).groups = {"nobody"};
  auto broker = open(configuration);
  auto const lost = broker->publisher(destination_ + ".nobody.retry")->publish("m");
  EXPECT_EQ(publish_status(lost), PublishStatus::kUnroutable);
}

TEST_P(RetryQueue, IsNotSubscribedToByItself) {
  auto configuration = with_tier(kDelay);
  auto& subscription = configuration.subscriptions["tier"];
  subscription.destination = retry_name() + ".500ms";
  subscription.group = group_of("billing");
  auto broker = open(configuration);
  auto const refused = broker->subscribe("tier", billing_.handler());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnsupported) << refused.error().message;
}

// RabbitMQ 4 drops a message after 20 deliveries unless it is told otherwise.
TEST_P(RetryQueue, NeitherMessagesNorDeadLettersAreLostByManyDeliveries) {
  auto configuration = config();
  configuration.log.level = LogLevel::kError;  // not of each that was dropped
  read_dead_letters(configuration);
  auto broker = open(configuration);
  {
    auto billing = broker->subscribe("billing", [](Delivery const&) { return reject("no"); }).value();
    publish(*broker, numbered("dead", 3));
    ASSERT_TRUE(eventually([&] { return billing.stats().dead_lettered == 3; }));
  }
  publish(*broker, numbered("m", 3));
  for (int member = 0; member < 25; ++member) {
    ASSERT_NO_FATAL_FAILURE(take_and_drop(configuration, "billing", 3));
    ASSERT_NO_FATAL_FAILURE(take_and_drop(configuration, "inspection", 3));
  }

  Recorder dead;
  auto billing = broker->subscribe("billing", billing_.handler()).value();
  auto inspection = broker->subscribe("inspection", dead.handler()).value();
  ASSERT_TRUE(eventually([&] { return billing_.finished() == 3 && dead.finished() == 3; }));
  for (auto const& seen : billing_.seen()) {
    EXPECT_TRUE(seen.redelivered);
    EXPECT_TRUE(seen.headers.empty()) << seen.headers.begin()->name;
  }
}

}  // namespace
}  // namespace fairlead::conformance
