#include "conformance/conformance.hpp"

#include <algorithm>
#include <mutex>

namespace fairlead::conformance {
namespace {

using Consuming = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Consuming, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Consuming, TenThousandMessagesAreEachHandledOnce) {
  constexpr int kMessages = 10'000;
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 4;
  billing_of(configuration).concurrency = 4;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  std::vector<Message> messages;
  for (int index = 0; index < kMessages; ++index) {
    messages.push_back({.payload = std::to_string(index), .key = "key-" + std::to_string(index % 100)});
  }

  publish(*broker, messages);

  ASSERT_TRUE(eventually([&] { return recorder.finished() >= kMessages; })) << recorder.finished();
  ASSERT_TRUE(broker->drain(kPatience));
  EXPECT_EQ(recorder.begun(), std::size_t{kMessages});
  EXPECT_EQ(recorder.distinct_payloads().size(), std::size_t{kMessages});
}

TEST_P(Consuming, HandlersRunAtTheSameTimeUpToTheConcurrency) {
  Recorder recorder;
  Gate together;
  auto configuration = config();
  billing_of(configuration).concurrency = 4;
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing", recorder.handler([&, together](Seen const&) {
                       if (recorder.begun() >= 4) together.open();
                       return together.wait(10s) ? ack() : retry("was alone");
                     }))
                     .value();
  std::vector<Message> messages;
  for (int index = 0; index < 20; ++index) messages.push_back({.payload = "m", .key = "key-" + std::to_string(index)});

  publish(*broker, messages);

  ASSERT_TRUE(eventually([&] { return recorder.finished() == 20; }));
  EXPECT_EQ(recorder.most_at_once(), 4U);
}

TEST_P(Consuming, MaxInFlightBoundsWhatIsTakenIn) {
  Recorder slow;
  Recorder quick;
  Gate gate;
  auto configuration = config();
  billing_of(configuration).max_in_flight = 5;
  add_group(configuration, "shipping");
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", slow.handler_behind(gate)).value();
  auto shipping = broker->subscribe("shipping", quick.handler()).value();

  publish(*broker, numbered("m", 50));
  ASSERT_TRUE(eventually([&] { return billing.stats().in_flight == 5; })) << billing.stats().in_flight;
  publish(*broker, numbered("n", 50));
  ASSERT_TRUE(eventually([&] { return quick.finished() == 100; }));

  EXPECT_EQ(billing.stats().in_flight, 5U);
  EXPECT_EQ(billing.stats().received, 5U);
  EXPECT_TRUE(eventually([&] { return slow.begun() == 1; }));
  gate.open();
  EXPECT_TRUE(eventually([&] { return slow.finished() == 100; }));
}

TEST_P(Consuming, StatsAddUp) {
  Recorder recorder;
  Recorder dead;
  auto configuration = config();
  read_dead_letters(configuration);
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing", recorder.handler([](Seen const& message) {
                       if (message.payload.starts_with("reject")) return reject("no");
                       if (message.payload.starts_with("retry") && message.attempt == 1) return retry("again");
                       return ack();
                     }))
                     .value();

  publish(*broker, numbered("ack", 10));
  publish(*broker, numbered("retry", 5));
  publish(*broker, numbered("reject", 3));

  ASSERT_TRUE(eventually([&] {
    auto const stats = billing.stats();
    return stats.handled == 15 && stats.dead_lettered == 3 && stats.in_flight == 0;
  }));
  auto const stats = billing.stats();
  EXPECT_EQ(stats.received, 18U);
  EXPECT_EQ(stats.retried, 5U);
  EXPECT_EQ(stats.dropped, 0U);
  EXPECT_EQ(stats.stale, 0U);
  EXPECT_EQ(stats.redelivered, 0U);
  EXPECT_EQ(recorder.finished(), 23U);
}

TEST_P(Consuming, ManySubscriptionsShareOneBroker) {
  constexpr int kGroups = 12;
  std::vector<Recorder> recorders(kGroups);
  auto configuration = config();
  for (int group = 0; group < kGroups; ++group) add_group(configuration, "group" + std::to_string(group));
  auto broker = open(configuration);
  std::vector<Subscription> subscriptions;
  for (int group = 0; group < kGroups; ++group) {
    subscriptions.push_back(
        broker->subscribe("group" + std::to_string(group), recorders[static_cast<std::size_t>(group)].handler())
            .value());
  }

  auto const messages = numbered("m", 100);
  publish(*broker, messages);

  for (auto const& recorder : recorders) {
    ASSERT_TRUE(eventually([&] { return recorder.finished() == 100; })) << recorder.finished();
    EXPECT_EQ(recorder.payloads(), payloads_of(messages));
  }
}

TEST_P(Consuming, TwoBrokersInOneProcessDoNotMeet) {
  Recorder first_seen;
  Recorder second_seen;
  auto first_config = config();
  auto second_config = config();
  std::string const other = unique_name("other");
  second_config.destinations[other] = {};
  billing_of(second_config).destination = other;
  auto first = open(first_config);
  auto second = open(second_config);
  auto first_billing = first->subscribe("billing", first_seen.handler()).value();
  auto second_billing = second->subscribe("billing", second_seen.handler()).value();

  ASSERT_TRUE(first->publisher(destination_).value().publish("first"));
  ASSERT_TRUE(second->publisher(other).value().publish("second"));

  ASSERT_TRUE(eventually([&] { return first_seen.finished() == 1 && second_seen.finished() == 1; }));
  EXPECT_EQ(first_seen.payloads(), std::vector<std::string>{"first"});
  EXPECT_EQ(second_seen.payloads(), std::vector<std::string>{"second"});
  ASSERT_TRUE(first->close(kPatience));
  ASSERT_TRUE(second->publisher(other).value().publish("still open"));
  EXPECT_TRUE(eventually([&] { return second_seen.has("still open"); }));
}

TEST_P(Consuming, HandlerMayPublishAndWaitForTheConfirm) {
  Recorder recorder;
  auto broker = open(config());
  auto publisher = broker->publisher(destination_).value();
  auto billing = broker
                     ->subscribe("billing", recorder.handler([&](Seen const& message) {
                       int const left = std::stoi(message.payload);
                       if (left > 0) publisher.publish(std::to_string(left - 1)).value();
                       return ack();
                     }))
                     .value();

  publish(*broker, "20");

  EXPECT_TRUE(eventually([&] { return recorder.finished() == 21; })) << recorder.finished();
}

TEST_P(Consuming, SlowHandlerCostsNeitherMembershipNorConnection) {
  Recorder recorder;
  Gate never;
  auto configuration = config();
  billing_of(configuration).concurrency = 2;
  configuration.amqp.heartbeat = 2s;
  configuration.kafka.conf["max.poll.interval.ms"] = "6000";
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing", recorder.handler([never](Seen const& message) {
                       if (message.key == "slow") never.wait(9s);  // longer than either limit allows silence
                       return ack();
                     }))
                     .value();

  publish(*broker, "slow", "slow");
  publish(*broker, "quick", "quick");
  ASSERT_TRUE(eventually([&] { return recorder.finished() == 1 && recorder.begun() == 2; }))
      << "the quick one did not pass the slow one";
  ASSERT_TRUE(eventually([&] { return recorder.finished() == 2; }));
  publish(*broker, "after");

  ASSERT_TRUE(eventually([&] { return recorder.has("after"); }));
  ASSERT_TRUE(broker->drain(kPatience));
  EXPECT_EQ(recorder.begun(), 3U) << "the slow message came again";
  EXPECT_EQ(billing.stats().stale, 0U);
}

}  // namespace
}  // namespace fairlead::conformance
