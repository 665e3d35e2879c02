#include "conformance/conformance.hpp"

#include <atomic>
#include <thread>

namespace fairlead::conformance {
namespace {

using Closing = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Closing, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Closing, WithWorkInFlightKeepsItsDeadlineAndLosesNothing) {
  Recorder before;
  Recorder after;
  Gate gate;
  auto configuration = config();
  configuration.connection.close_timeout = 500ms;
  orders_of(configuration).partitions = 2;
  billing_of(configuration).concurrency = 4;
  auto first = open(configuration);
  auto first_billing = first->subscribe("billing", before.handler_behind(gate)).value();
  std::vector<Message> messages;
  for (int index = 0; index < 200; ++index) {
    messages.push_back({.payload = std::to_string(index), .key = "key-" + std::to_string(index % 20)});
  }
  publish(*first, messages);
  ASSERT_TRUE(eventually([&] { return before.begun() == 4; }));

  Stopwatch const watch;
  auto const closed = first->close(300ms);

  EXPECT_LT(watch.elapsed(), 300ms + kSlack);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, Errc::kTimeout) << closed.error().message;
  auto second = open(configuration);
  auto second_billing = second->subscribe("billing", after.handler()).value();
  EXPECT_TRUE(eventually([&] { return after.distinct_payloads().size() == 200; })) << after.begun();
  EXPECT_EQ(before.begun(), 4U);
  gate.open();
  EXPECT_TRUE(eventually([&] { return before.finished() == 4; }));
}

TEST_P(Closing, EverythingAnswersClosedAfterwards) {
  auto broker = open(config());
  auto publisher = broker->publisher(destination_).value();
  auto billing = broker->subscribe("billing", [](Delivery const&) { return ack(); }).value();
  ASSERT_TRUE(broker->close(kPatience));

  auto const published = publisher.publish("m");
  std::optional<Errc> async;
  publisher.publish_async("m", {}, [&](auto const& result) { async = result ? Errc::kInternal : result.error().code; });
  auto const batch = publisher.publish_batch(numbered("m", 3));
  auto const new_publisher = broker->publisher(destination_);
  auto const new_subscription = broker->subscribe("billing", [](Delivery const&) { return ack(); });
  auto const declared = broker->declare(destination_);

  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, Errc::kClosed);
  EXPECT_EQ(publish_status(published), PublishStatus::kNotPersisted);
  EXPECT_EQ(async, Errc::kClosed);
  ASSERT_EQ(batch.size(), 3U);
  for (auto const& result : batch) EXPECT_EQ(result ? Errc::kInternal : result.error().code, Errc::kClosed);
  ASSERT_FALSE(new_publisher);
  EXPECT_EQ(new_publisher.error().code, Errc::kClosed);
  ASSERT_FALSE(new_subscription);
  EXPECT_EQ(new_subscription.error().code, Errc::kClosed);
  ASSERT_FALSE(declared);
  EXPECT_EQ(declared.error().code, Errc::kClosed);
}

TEST_P(Closing, TwiceIsHarmless) {
  auto broker = open(config());
  publish(*broker, "m");
  EXPECT_TRUE(broker->close(kPatience));
  EXPECT_TRUE(broker->close(kPatience));
}

TEST_P(Closing, FromTwoThreadsIsHarmless) {
  auto broker = open(config());
  auto billing = broker->subscribe("billing", [](Delivery const&) { return ack(); }).value();
  publish(*broker, numbered("m", 50));

  std::thread other([&] { EXPECT_TRUE(broker->close(kPatience)); });
  EXPECT_TRUE(broker->close(kPatience));
  other.join();
}

TEST_P(Closing, FromACompletionIsRefused) {
  auto broker = open(config());
  auto publisher = broker->publisher(destination_).value();
  std::atomic<bool> refused{false};

  publisher.publish_async("m", {}, [&](auto const&) {
    auto const closed = broker->close(1s);
    refused = !closed && closed.error().code == Errc::kInvalidArgument;
  });

  ASSERT_TRUE(broker->flush(kPatience));
  EXPECT_TRUE(refused);
  EXPECT_TRUE(publisher.publish("still open"));
}

TEST_P(Closing, EveryPublishUnderwayEndsExactlyOnce) {
  auto broker = open(config());
  auto publisher = broker->publisher(destination_).value();
  constexpr std::size_t kPublishes = 2'000;
  std::vector<std::atomic<int>> ended(kPublishes);
  std::thread closer;
  for (std::size_t index = 0; index < kPublishes; ++index) {
    if (index == kPublishes / 2) closer = std::thread([&] { (void)broker->close(kPatience); });
    publisher.publish_async("m", {}, [&ended, index](auto const&) { ++ended[index]; });
  }
  closer.join();

  for (std::size_t index = 0; index < kPublishes; ++index) EXPECT_EQ(ended[index], 1) << index;
}

TEST_P(Closing, DestructionWithAStuckHandlerIsBounded) {
  Recorder recorder;
  Gate gate;
  auto configuration = config();
  configuration.connection.close_timeout = 300ms;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler_behind(gate)).value();
  publish(*broker, "m");
  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));

  Stopwatch const watch;
  broker.reset();
  EXPECT_LT(watch.elapsed(), 300ms + kSlack);

  gate.open();
  EXPECT_TRUE(eventually([&] { return recorder.finished() == 1; }));
}

TEST_P(Closing, PublishersAndSubscriptionsMayOutliveTheBroker) {
  Recorder recorder;
  auto broker = open(config());
  auto publisher = broker->publisher(destination_).value();
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  ASSERT_TRUE(publisher.publish("m"));
  ASSERT_TRUE(eventually([&] { return recorder.finished() == 1; }));

  broker.reset();

  auto const late = publisher.publish("late");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::kClosed);
  EXPECT_EQ(billing.stats().handled, 1U);
  EXPECT_TRUE(billing.stop(1s));
}

TEST_P(Closing, OpeningAndClosingManyTimesWorks) {
  Recorder recorder;
  for (int round = 0; round < 10; ++round) {
    auto broker = open(config());
    publish(*broker, std::to_string(round));
    ASSERT_TRUE(broker->close(kPatience));
  }
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  ASSERT_TRUE(eventually([&] { return recorder.finished() == 10; }));
}

}  // namespace
}  // namespace fairlead::conformance
