#include "subscription_rig.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <stop_token>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gate;
using test::in;
using test::SubscriptionRig;
using Clock = std::chrono::steady_clock;

SubscriptionRig::Options with_timeout(std::chrono::milliseconds timeout, int concurrency = 1) {
  SubscriptionRig::Options options;
  options.config.timeout = timeout;
  options.config.concurrency = concurrency;
  options.config.retry.max_attempts = 1;
  options.dead_letter = true;
  return options;
}

/// Returns when it is asked to stop. False: it never was.
bool wait_for_stop(Delivery const& delivery) {
  Gate const stopped;
  std::stop_callback const asked(delivery.stop_token(), [stopped] { stopped.open(); });
  return stopped.wait();
}

TEST(Timeout, HandlerSeesItsDeadlineAndIsAskedToStop) {
  std::atomic<bool> was_asked{false};
  std::atomic<bool> deadline_is_near{false};
  SubscriptionRig rig(with_timeout(20ms), [&](Delivery const& delivery) {
    deadline_is_near = delivery.deadline() <= Clock::now() + 20ms;
    was_asked = wait_for_stop(delivery);
    return ack();
  });
  rig.deliver_keys({"a"});
  EXPECT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  EXPECT_TRUE(was_asked);
  EXPECT_TRUE(deadline_is_near);
}

TEST(Timeout, AckAfterTheTimeoutCountsAsFailed) {
  SubscriptionRig rig(with_timeout(20ms), [&](Delivery const& delivery) {
    (void)wait_for_stop(delivery);
    return ack();
  });
  rig.deliver_keys({"a"});
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  EXPECT_EQ(rig.dead_letters->at(0).headers.get("fairlead-error-code"), "timeout");
  EXPECT_EQ(rig.stats().handled, 0U);
  EXPECT_EQ(rig.stats().overrun, 1U);
}

TEST(Timeout, LateHandlerKeepsItsOwnReason) {
  SubscriptionRig rig(with_timeout(20ms), [&](Delivery const& delivery) {
    (void)wait_for_stop(delivery);
    return reject("no such account");
  });
  rig.deliver_keys({"a"});
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  EXPECT_EQ(rig.dead_letters->at(0).headers.get("fairlead-error-code"), "rejected");
}

TEST(Timeout, NextMessageOfTheWorkerHasAFreshStopToken) {
  std::atomic<int> already_asked{0};
  std::atomic<int> handled{0};
  auto options = with_timeout(20ms);
  options.dead_letter = false;
  SubscriptionRig rig(options, [&](Delivery const& delivery) {
    if (delivery.stop_token().stop_requested()) ++already_asked;
    if (delivery.payload() == "slow") (void)wait_for_stop(delivery);
    ++handled;
    return ack();
  });
  rig.deliver({{.key = "a", .payload = "slow"}, {.key = "b"}, {.key = "c", .payload = "slow"}, {.key = "d"}});
  ASSERT_TRUE(eventually([&] { return handled == 4; }));
  EXPECT_EQ(already_asked, 0);
  EXPECT_TRUE(eventually([&] { return rig.stats().overrun == 2 && rig.stats().handled == 2; }));
}

TEST(Timeout, StuckHandlerIsSeenInHealthAndHoldsUpNoOtherKey) {
  Gate gate;
  SubscriptionRig rig(with_timeout(20ms, 2), [gate](Delivery const& delivery) {
    if (delivery.key() == "stuck") gate.wait();
    return ack();
  });
  rig.deliver_keys({"stuck"});
  ASSERT_TRUE(eventually([&] { return rig.health().stuck_handlers == 1; }));
  EXPECT_FALSE(rig.health().is_healthy());
  rig.deliver(std::vector<SubscriptionRig::Parts>(500));
  EXPECT_TRUE(eventually([&] { return rig.stats().handled == 500; }, 20s));
  EXPECT_EQ(rig.settled(), 0) << "nothing is settled past it";
  gate.open();
  EXPECT_TRUE(eventually([&] { return rig.health().stuck_handlers == 0; }));
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  rig.dead_letters->confirm(0);
  EXPECT_TRUE(eventually([&] { return rig.settled() == 501; }));
}

TEST(Timeout, HandlersThatOutlastAStopAreAskedToStop) {
  Gate begun;
  std::atomic<bool> was_asked{false};
  SubscriptionRig rig(with_timeout(1h), [&, begun](Delivery const& delivery) {
    begun.open();
    was_asked = wait_for_stop(delivery);
    return ack();
  });
  rig.deliver_keys({"a"});
  ASSERT_TRUE(begun.wait());
  EXPECT_EQ(rig.core->stop(in(50ms)).error().code, Errc::kTimeout);
  EXPECT_TRUE(rig.core->stop(in(30s)));
  EXPECT_TRUE(was_asked);
}

TEST(Timeout, StopCallbackCannotWaitForTheEndOfItsSubscription) {
  SubscriptionRig* self = nullptr;
  Gate ready;
  std::atomic<int> refused{0};
  SubscriptionRig rig(with_timeout(20ms), [&, ready](Delivery const& delivery) {
    ready.wait();
    Gate const called;
    std::stop_callback const asked(delivery.stop_token(), [&, called] {
      auto& core = *self->core;
      if (core.runs_on_this_thread()) {
        refused += core.drain(in(5s)).error().code == Errc::kInvalidArgument ? 1 : 0;
        refused += core.stop(in(5s)).error().code == Errc::kInvalidArgument ? 1 : 0;
      }
      called.open();
    });
    called.wait();
    return ack();
  });
  self = &rig;
  ready.open();
  rig.deliver_keys({"a"});
  EXPECT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  EXPECT_EQ(refused, 2);
}

TEST(Timer, SleepsWhileAllWorkersAreBusy) {
  Gate gate;
  std::atomic<int> begun{0};
  auto options = with_timeout(400ms);  // it looks every 100 ms
  options.dead_letter = false;
  SubscriptionRig rig(options, [&, gate](Delivery const&) {
    ++begun;
    gate.wait();
    return ack();
  });
  rig.deliver_keys({"a", "b", "c"});
  ASSERT_TRUE(eventually([&] { return begun == 1; }));
  Gate const never;
  auto const used_before = std::clock();
  EXPECT_FALSE(never.wait(1s));
  auto const used = std::chrono::milliseconds((std::clock() - used_before) * 1000 / CLOCKS_PER_SEC);
  gate.open();
  EXPECT_LT(used, 40ms) << "of processor time, while there was nothing to do";
}

}  // namespace
}  // namespace fairlead
