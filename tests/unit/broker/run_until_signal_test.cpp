#include "core/thread.hpp"
#include "fake_broker.hpp"
#include "support/notebook.hpp"
#include "support/wait.hpp"

#include <fairlead/run_until_signal.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::FakeBroker;
using test::Gate;

Config orders_config() {
  Config config;
  config.destinations["orders"];
  config.subscriptions["billing"].destination = "orders";
  config.subscriptions["billing"].group = "billing";
  config.subscriptions["billing"].dead_letter = false;
  return config;
}

/// Signals that come before the call stay pending until it waits for them.
class RunUntilSignal : public testing::Test {
 protected:
  void SetUp() override {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  void TearDown() override { pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr); }
  static void send(int signal) { kill(getpid(), signal); }

  sigset_t signals_{};
  std::unique_ptr<FakeBroker> broker =
      std::make_unique<FakeBroker>(orders_config(), std::make_shared<test::Notebook>());
};

TEST_F(RunUntilSignal, DrainsAndClosesAtTheFirst) {
  Gate running;
  Gate release;
  auto const billing = broker
                           ->subscribe("billing",
                                       [=](Delivery const&) {
                                         running.open();
                                         release.wait();
                                         return ack();
                                       })
                           .value();
  broker->source->deliver("one");
  ASSERT_TRUE(running.wait());
  Thread orchestrator("orchestrator", [&] {
    send(SIGTERM);
    EXPECT_TRUE(test::eventually([&] { return billing.health().state == SubscriptionState::kStopping; }));
    release.open();
  });
  EXPECT_TRUE(run_until_signal(*broker, 20s));
  EXPECT_EQ(billing.stats().handled, 1U);
  EXPECT_EQ(broker->publisher("orders").error().code, Errc::kClosed);
}

TEST_F(RunUntilSignal, DoesNotWaitForAStuckHandlerBeyondItsTimeout) {
  Gate running;
  Gate release;
  auto const billing = broker
                           ->subscribe("billing",
                                       [=](Delivery const&) {
                                         running.open();
                                         release.wait();
                                         return ack();
                                       })
                           .value();
  broker->source->deliver("one");
  ASSERT_TRUE(running.wait());
  send(SIGINT);
  auto const ended = run_until_signal(*broker, 100ms);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Errc::kTimeout);
  release.open();
}

TEST_F(RunUntilSignal, ASecondSignalAsksHandlersToStopAndWaitsForNone) {
  Gate running;
  std::atomic<bool> was_asked{false};
  auto const billing = broker
                           ->subscribe("billing",
                                       [&, running](Delivery const& delivery) {
                                         running.open();
                                         auto const stop = delivery.stop_token();
                                         was_asked = test::eventually([&] { return stop.stop_requested(); });
                                         return ack();
                                       })
                           .value();
  broker->source->deliver("one");
  ASSERT_TRUE(running.wait());
  Thread orchestrator("orchestrator", [&] {
    send(SIGTERM);
    EXPECT_TRUE(test::eventually([&] { return billing.health().state == SubscriptionState::kStopping; }));
    send(SIGINT);
  });
  EXPECT_FALSE(run_until_signal(*broker, 1h)) << "it would have waited for the handler";
  EXPECT_TRUE(test::eventually([&] { return was_asked.load(); }));
}

TEST_F(RunUntilSignal, GivesTheSignalsBack) {
  struct sigaction mine {};
  mine.sa_handler = SIG_IGN;
  struct sigaction before {};
  sigaction(SIGTERM, &mine, &before);
  send(SIGINT);
  EXPECT_TRUE(run_until_signal(*broker, 1s));
  struct sigaction after {};
  sigaction(SIGTERM, &before, &after);
  EXPECT_EQ(after.sa_handler, SIG_IGN);
}

TEST_F(RunUntilSignal, IsRefusedFromAHandler) {
  std::atomic<bool> was_refused{false};
  auto const billing = broker
                           ->subscribe("billing",
                                       [&](Delivery const&) {
                                         send(SIGTERM);
                                         auto const refused = run_until_signal(*broker, 1s);
                                         was_refused = !refused && refused.error().code == Errc::kInvalidArgument;
                                         return ack();
                                       })
                           .value();
  broker->source->deliver("one");
  EXPECT_TRUE(test::eventually([&] { return was_refused.load(); }));
}

}  // namespace
}  // namespace fairlead
