#include "hand_driven_store.hpp"
#include "subscription_rig.hpp"

#include <fairlead/receiver.hpp>

#include <gtest/gtest.h>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::SubscriptionRig;

SubscriptionRig::Options for_receiver() {
  SubscriptionRig::Options options;
  options.config.retry = {.max_attempts = 3, .initial = 1ms, .max = 2ms, .multiplier = 1.0};
  options.close_timeout = 50ms;
  options.dead_letter = true;
  return options;
}

class Receiving : public testing::Test {
 protected:
  ReceivedMessage take() {
    auto received = receiver.receive(20s);
    EXPECT_TRUE(received && *received);
    return std::move(**received);
  }
  bool comes_nothing() {
    auto const received = receiver.receive(20ms);
    return received && !*received;
  }

  SubscriptionRig rig{for_receiver(), {}};
  Receiver receiver{Subscription(rig.core)};
};

TEST_F(Receiving, GivesNothingWhenNothingCameInTime) {
  EXPECT_TRUE(comes_nothing());
  EXPECT_FALSE(*receiver.receive(0ms));
  EXPECT_FALSE(*receiver.receive(-5ms));
}

TEST_F(Receiving, WaitsForTheNextMessage) {
  Thread const later("later", [&] {
    EXPECT_FALSE(test::Gate().wait(20ms));  // until it is waited for; if it is not yet, that is no failure
    rig.deliver({{.key = "a", .payload = "p"}});
  });
  auto message = receiver.receive(std::chrono::milliseconds::max());
  ASSERT_TRUE(message && *message);
  EXPECT_EQ((**message)->payload(), "p");
  EXPECT_EQ((**message)->attempt(), 1U);
  EXPECT_EQ((**message)->deadline(), std::chrono::steady_clock::time_point::max());
  EXPECT_FALSE((**message)->stop_token().stop_possible());
  std::move(**message).ack();
}

TEST_F(Receiving, AckSettles) {
  rig.deliver_keys({"a"});
  auto message = take();
  EXPECT_EQ(rig.settled(), 0);
  EXPECT_EQ(rig.stats().in_flight, 1U);
  std::move(message).ack();
  EXPECT_EQ(rig.settled(), 1);
  EXPECT_EQ(rig.stats().handled, 1U);
  EXPECT_EQ(rig.buffers(), 0);
}

TEST_F(Receiving, RetryBringsTheMessageBackAsTheNextAttempt) {
  rig.deliver_keys({"a"});
  take().retry("not yet");
  auto again = take();
  EXPECT_EQ(again->attempt(), 2U);
  std::move(again).retry(1ms, "still not");
  auto last = take();
  EXPECT_EQ(last->attempt(), 3U);
  std::move(last).retry("never");
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  EXPECT_EQ(rig.dead_letters->at(0).headers.get("fairlead-error"), "never");
  EXPECT_EQ(rig.settled(), 0);
  rig.dead_letters->confirm(0);
  EXPECT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(rig.stats().retried, 2U);
}

TEST_F(Receiving, RejectGivesUpAtOnce) {
  rig.deliver_keys({"a"});
  take().reject("no such account");
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  EXPECT_EQ(rig.dead_letters->at(0).headers.get("fairlead-error-code"), "rejected");
}

TEST_F(Receiving, MessageDestroyedUnsettledIsHandledAgainAndCounted) {
  rig.deliver_keys({"a"});
  { auto const forgotten = take(); }
  EXPECT_EQ(rig.stats().unsettled, 1U);
  auto again = take();
  EXPECT_EQ(again->attempt(), 2U);
  std::move(again).ack();
  EXPECT_EQ(rig.settled(), 1);
  EXPECT_EQ(rig.stats().unsettled, 1U);
  auto const records = rig.logger->records("handle");
  EXPECT_TRUE(std::any_of(records.begin(), records.end(), [](auto const& r) { return r.level == LogLevel::kError; }));
}

TEST_F(Receiving, MessageAssignedOverIsDestroyedUnsettled) {
  rig.deliver_keys({"a", "b"});
  auto message = take();
  message = take();
  EXPECT_EQ(rig.stats().unsettled, 1U);
  EXPECT_EQ(message->key(), "b");
  std::move(message).ack();
}

TEST_F(Receiving, SettlingTwiceIsHarmless) {
  rig.deliver_keys({"a", "b"});
  auto message = take();
  std::move(message).ack();
  std::move(message).retry("again");  // NOLINT(bugprone-use-after-move)
  std::move(message).ack();           // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(rig.settled(), 1);
  EXPECT_EQ(rig.stats().handled, 1U);
  EXPECT_EQ(rig.stats().retried, 0U);
  take().ack();
  EXPECT_EQ(rig.settled(), 2);
}

TEST_F(Receiving, AnotherThreadMaySettle) {
  rig.deliver_keys({"a"});
  {
    Thread const other("other", [message = std::make_shared<ReceivedMessage>(take())] { std::move(*message).ack(); });
  }
  EXPECT_EQ(rig.settled(), 1);
}

TEST_F(Receiving, NextOfAKeyComesOnlyAfterTheOneBeforeWasSettled) {
  rig.deliver({{.key = "a", .payload = "a1"}, {.key = "a", .payload = "a2"}, {.key = "b", .payload = "b1"}});
  auto first = take();
  auto other = take();
  EXPECT_EQ(first->payload(), "a1");
  EXPECT_EQ(other->payload(), "b1");
  EXPECT_TRUE(comes_nothing());
  std::move(first).retry("again");
  auto again = take();
  EXPECT_EQ(again->payload(), "a1");
  std::move(again).ack();
  auto second = take();
  EXPECT_EQ(second->payload(), "a2");
  std::move(other).ack();
  std::move(second).ack();
  EXPECT_EQ(rig.settled(), 3);
}

TEST_F(Receiving, ManyThreadsShareTheMessages) {
  std::atomic<int> taken{0};
  {
    std::vector<Thread> takers;
    for (int i = 0; i < 4; ++i) {
      takers.emplace_back("taker", [&] {
        while (taken < 400) {
          auto message = receiver.receive(5ms);
          if (!message || !*message) continue;
          ++taken;
          std::move(**message).ack();
        }
      });
    }
    for (int i = 0; i < 100; ++i) rig.deliver_keys({"a", "b", "c", "d"});
  }
  EXPECT_EQ(rig.settled(), 400);
  EXPECT_EQ(rig.stats().handled, 400U);
}

TEST_F(Receiving, IsClosedAfterStop) {
  std::atomic<bool> was_closed{false};
  {
    Thread const waiting("waiting", [&] {
      auto const message = receiver.receive(30s);
      was_closed = !message && message.error().code == Errc::kClosed;
    });
    EXPECT_TRUE(receiver.subscription().stop(30s));
  }
  EXPECT_TRUE(was_closed);
  EXPECT_EQ(receiver.receive(30s).error().code, Errc::kClosed);
}

TEST_F(Receiving, MovedFromReceiverIsClosed) {
  Receiver const other(std::move(receiver));
  EXPECT_EQ(receiver.receive(1ms).error().code, Errc::kClosed);  // NOLINT(bugprone-use-after-move)
}

TEST_F(Receiving, PauseGivesNothingUntilResume) {
  receiver.subscription().pause();
  rig.deliver_keys({"a"});
  EXPECT_TRUE(comes_nothing());
  {
    Thread const later("later", [&] { receiver.subscription().resume(); });
    take().ack();
  }
  EXPECT_EQ(rig.settled(), 1);
}

TEST(Receiver, StopWaitsForUnsettledMessagesOnlyUntilItsDeadline) {
  SubscriptionRig rig(for_receiver(), {});
  Receiver receiver{Subscription(rig.core)};
  rig.deliver_keys({"a"});
  auto received = receiver.receive(20s);
  ASSERT_TRUE(received && *received);
  EXPECT_EQ(receiver.subscription().stop(20ms).error().code, Errc::kTimeout);
  std::move(**received).ack();
  EXPECT_EQ(rig.stats().stale, 1U);
  EXPECT_EQ(rig.settled(), 0) << "the broker delivers it again";
  EXPECT_TRUE(receiver.subscription().stop(20s));
}

class OutlivingMessage : public testing::TestWithParam<Outcome> {};

TEST_P(OutlivingMessage, MayBeSettledAfterEverythingElseHasEnded) {
  std::optional<ReceivedMessage> survivor;
  auto logger = std::shared_ptr<test::RecordingLogger>();
  {
    SubscriptionRig rig(for_receiver(), {});
    logger = rig.logger;
    {
      Receiver receiver{Subscription(rig.core)};
      rig.deliver({{.key = "a", .payload = "p"}});
      auto received = receiver.receive(20s);
      ASSERT_TRUE(received && *received);
      survivor = std::move(*received);
    }
    EXPECT_EQ((*survivor)->payload(), "p");
    rig.destroy();
  }
  EXPECT_EQ((*survivor)->payload(), "p");
  std::move(*survivor).settle(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Outcomes, OutlivingMessage, testing::Values(ack(), retry("x"), reject("x")),
                         [](auto const& tried) { return "Outcome" + std::to_string(tried.index); });

TEST(Receiver, MarksTheKeysOfWhatItSettles) {
  auto options = for_receiver();
  auto const store = std::make_shared<test::HandDrivenStore>();
  options.store = store;
  SubscriptionRig rig(options, {});
  Receiver receiver{Subscription(rig.core)};
  rig.deliver({{.key = "a", .headers = {{"message-id", "m-1"}}}});
  auto received = receiver.receive(20s);
  ASSERT_TRUE(received && *received);
  EXPECT_EQ(store->calls(), std::vector<std::string>{"claim m-1"});
  std::move(**received).ack();
  EXPECT_EQ(rig.settled(), 1);
  EXPECT_EQ(store->count("complete m-1"), 1U);
}

TEST(Receiver, WaitsForTheTurnsOfARateLimit) {
  auto options = for_receiver();
  options.config.rate_limit.per_second = 100;
  options.config.rate_burst = 1;
  SubscriptionRig rig(options, {});
  Receiver receiver{Subscription(rig.core)};
  rig.deliver_keys({"a", "b", "c"});
  auto const start = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) {
    auto received = receiver.receive(20s);
    ASSERT_TRUE(received && *received);
    std::move(**received).ack();
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
}

}  // namespace
}  // namespace fairlead
