#include "conformance/conformance.hpp"

#include <atomic>
#include <thread>

// The pull-style twin of a subscription.
namespace fairlead::conformance {
namespace {

class Receiving : public Conformance {
 protected:
  /// The next message, which has to come; throws when none does.
  [[nodiscard]] static ReceivedMessage next(Receiver& receiver) {
    auto received = receiver.receive(kPatience).value();
    if (!received) throw std::runtime_error("no message came");
    return *std::move(received);
  }
};
INSTANTIATE_TEST_SUITE_P(On, Receiving, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Receiving, MessagesAreTakenOneByOneAndSettledByAck) {
  auto const configuration = config();
  {
    auto broker = open(configuration);
    auto receiver = broker->receiver("billing").value();
    publish(*broker, numbered("m", 5, "user-7"));
    for (int index = 0; index < 5; ++index) {
      auto message = next(receiver);
      EXPECT_EQ(message->payload(), "m" + std::to_string(index));
      EXPECT_EQ(message->key(), "user-7");
      EXPECT_EQ(message->attempt(), 1U);
      std::move(message).ack();
    }
    EXPECT_EQ(receiver.subscription().stats().handled, 5U);
    ASSERT_TRUE(broker->close(kPatience));
  }
  auto broker = open(configuration);
  auto receiver = broker->receiver("billing").value();
  publish(*broker, "new");
  auto message = next(receiver);
  EXPECT_EQ(message->payload(), "new");
  std::move(message).ack();
}

TEST_P(Receiving, NothingComesWithinTheTimeoutWhenThereIsNothing) {
  auto broker = open(config());
  auto receiver = broker->receiver("billing").value();

  Stopwatch const watch;
  auto const none = receiver.receive(100ms);

  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
  EXPECT_GE(watch.elapsed(), 100ms);
  EXPECT_LT(watch.elapsed(), 100ms + kSlack);
}

TEST_P(Receiving, RetryComesAgainAndRejectBecomesADeadLetter) {
  Recorder dead;
  auto configuration = config();
  read_dead_letters(configuration);
  auto broker = open(configuration);
  auto receiver = broker->receiver("billing").value();
  auto inspection = broker->subscribe("inspection", dead.handler()).value();
  publish(*broker, "m");

  next(receiver).retry("not yet");
  auto again = next(receiver);
  EXPECT_EQ(again->payload(), "m");
  EXPECT_EQ(again->attempt(), 2U);
  std::move(again).reject("unknown product");

  ASSERT_TRUE(eventually([&] { return dead.finished() == 1; }));
  EXPECT_EQ(dead.seen().front().header("fairlead-error"), "unknown product");
  EXPECT_EQ(dead.seen().front().header("fairlead-attempts"), "2");
}

TEST_P(Receiving, MessageDestroyedUnsettledComesAgainAndIsCounted) {
  auto broker = open(config());
  auto receiver = broker->receiver("billing").value();
  publish(*broker, "m");

  { auto const forgotten = next(receiver); }

  auto again = next(receiver);
  EXPECT_EQ(again->payload(), "m");
  EXPECT_EQ(again->attempt(), 2U);
  EXPECT_EQ(receiver.subscription().stats().unsettled, 1U);
  std::move(again).ack();
  EXPECT_EQ(receiver.subscription().stats().unsettled, 1U);
}

TEST_P(Receiving, NextMessageOfAKeyComesWhenTheOneBeforeIsSettled) {
  auto broker = open(config());
  auto receiver = broker->receiver("billing").value();
  publish(*broker, numbered("a", 2, "a"));
  publish(*broker, numbered("b", 1, "b"));
  ASSERT_TRUE(eventually([&] { return receiver.subscription().stats().received == 3; }));

  auto first = next(receiver);
  auto other = next(receiver);
  EXPECT_EQ(first->payload(), "a0");
  EXPECT_EQ(other->payload(), "b0");
  EXPECT_FALSE(receiver.receive(0ms).value().has_value()) << "its key is not free";

  std::move(first).ack();
  auto second = next(receiver);
  EXPECT_EQ(second->payload(), "a1");
  std::move(second).ack();
  std::move(other).ack();
}

TEST_P(Receiving, WhatIsNotSettledComesAgainAfterTheClose) {
  auto const configuration = config();
  auto first = open(configuration);
  auto receiver = first->receiver("billing").value();
  publish(*first, numbered("m", 3));
  auto settled = next(receiver);
  EXPECT_EQ(settled->payload(), "m0");
  std::move(settled).ack();
  std::optional<ReceivedMessage> held = next(receiver);

  EXPECT_FALSE(first->close(200ms)) << "a message was still held";
  auto second = open(configuration);
  auto other = second->receiver("billing").value();
  for (auto const* const payload : {"m1", "m2"}) {
    auto message = next(other);
    EXPECT_EQ(message->payload(), payload);
    std::move(message).ack();
  }
  std::move(*held).ack();
  EXPECT_EQ(receiver.subscription().stats().stale, 1U);
}

TEST_P(Receiving, SettlingFromAnotherThreadCountsAndSettlingTwiceDoesNothing) {
  auto broker = open(config());
  auto receiver = broker->receiver("billing").value();
  publish(*broker, numbered("m", 2, "user-7"));

  auto message = next(receiver);
  auto moved = std::move(message);
  std::thread([&] { std::move(moved).ack(); }).join();
  std::move(moved).reject("too late");
  std::move(message).retry("this one was moved from");

  auto second = next(receiver);
  EXPECT_EQ(second->payload(), "m1");
  std::move(second).ack();
  ASSERT_TRUE(broker->drain(kPatience));
  auto const stats = receiver.subscription().stats();
  EXPECT_EQ(stats.handled, 2U);
  EXPECT_EQ(stats.dead_lettered + stats.retried + stats.unsettled, 0U);
}

TEST_P(Receiving, SeveralThreadsShareAReceiver) {
  constexpr int kMessages = 400;
  auto broker = open(config());
  auto receiver = broker->receiver("billing").value();
  publish(*broker, numbered("m", kMessages));
  std::atomic<int> taken{0};
  Recorder recorder;
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&, handler = recorder.handler()] {
      while (taken < kMessages) {
        auto message = receiver.receive(10ms).value();
        if (!message) continue;
        ++taken;
        (void)handler(**message);
        std::move(*message).ack();
      }
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(taken, kMessages);
  EXPECT_EQ(recorder.distinct_payloads().size(), static_cast<std::size_t>(kMessages));
}

TEST_P(Receiving, StopEndsAReceiveThatWaits) {
  auto broker = open(config());
  auto receiver = broker->receiver("billing").value();
  std::optional<Errc> answer;
  std::thread waiting([&] {
    auto const received = receiver.receive(kPatience);
    answer = received ? Errc::kInternal : received.error().code;
  });

  ASSERT_TRUE(receiver.subscription().stop(kPatience));
  waiting.join();

  EXPECT_EQ(answer, Errc::kClosed);
  auto const later = receiver.receive(1s);
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, Errc::kClosed);
}

}  // namespace
}  // namespace fairlead::conformance
