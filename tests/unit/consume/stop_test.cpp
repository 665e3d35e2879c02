#include "subscription_rig.hpp"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gate;
using test::in;
using test::SubscriptionRig;
using Clock = std::chrono::steady_clock;

SubscriptionRig::Options quick_to_close() {
  SubscriptionRig::Options options;
  options.close_timeout = 50ms;
  return options;
}

class Stopping : public testing::Test {
 protected:
  ~Stopping() override { gate_.open(); }
  Handler holding_handler() {
    return [this, gate = gate_](Delivery const& delivery) {
      ++begun_;
      if (delivery.key() == "slow") gate.wait();
      return ack();
    };
  }
  bool wait_for_begun(int count) {
    return eventually([&] { return begun_ == count; });
  }
  Gate gate_;
  std::atomic<int> begun_{0};
};

TEST_F(Stopping, DrainStopsIntakeDropsWhatIsNotBegunAndSettlesTheRest) {
  SubscriptionRig rig({}, holding_handler());
  rig.deliver_keys({"slow", "a", "b"});
  ASSERT_TRUE(wait_for_begun(1));
  std::atomic<bool> drained{false};
  {
    Thread const drainer("drainer", [&] { drained = rig.core->drain(in(30s)).has_value(); });
    EXPECT_TRUE(eventually([&] { return rig.buffers() == 1; }));
    EXPECT_EQ(rig.journal->intake_stops, 1);
    gate_.open();
  }
  EXPECT_TRUE(drained);
  EXPECT_EQ(rig.settled(), 1);
  EXPECT_EQ(begun_, 1);
  EXPECT_EQ(rig.stats().in_flight, 0U);
  rig.deliver_keys({"c"});
  EXPECT_EQ(rig.buffers(), 0) << "nothing is taken in after a drain";
}

TEST_F(Stopping, DrainHandlesWhatLiesBeforeHandledMessages) {
  SubscriptionRig::Options options;
  options.config.concurrency = 2;
  SubscriptionRig rig(options, holding_handler());
  rig.deliver_keys({"slow", "slow", "a", "slow"});
  ASSERT_TRUE(eventually([&] { return rig.stats().handled == 1; }));
  std::atomic<bool> drained{false};
  {
    Thread const drainer("drainer", [&] { drained = rig.core->drain(in(30s)).has_value(); });
    EXPECT_TRUE(eventually([&] { return rig.buffers() == 2; }));
    gate_.open();
  }
  EXPECT_TRUE(drained);
  EXPECT_EQ(rig.settled(), 3);
  EXPECT_EQ(rig.stats().handled, 3U);
}

TEST_F(Stopping, DrainWaitsForTheDeadLettersOnTheirWay) {
  SubscriptionRig::Options options;
  options.dead_letter = true;
  SubscriptionRig rig(options, [](Delivery const&) { return reject("x"); });
  rig.deliver_keys({"a"});
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  auto const early = rig.core->drain(in(10ms));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Errc::kTimeout);
  rig.dead_letters->confirm(0);
  EXPECT_TRUE(rig.core->drain(in(30s)));
  EXPECT_EQ(rig.settled(), 1);
}

TEST_F(Stopping, DrainLeavesParkedRetriesToTheBroker) {
  SubscriptionRig rig({}, [](Delivery const&) { return retry(1h, "later"); });
  rig.deliver_keys({"a"});
  ASSERT_TRUE(eventually([&] { return rig.stats().retried == 1; }));
  EXPECT_TRUE(rig.core->drain(in(30s)));
  EXPECT_EQ(rig.settled(), 0);
  EXPECT_EQ(rig.buffers(), 0);
}

TEST_F(Stopping, DrainEndsWhenTheLaneOfItsLastMessageIsLost) {
  SubscriptionRig::Options options;
  options.config.concurrency = 2;
  SubscriptionRig rig(options, [](Delivery const& delivery) { return delivery.key() == "a" ? retry(1h) : ack(); });
  rig.deliver_keys({"a", "b"});
  ASSERT_TRUE(eventually([&] { return rig.stats().handled == 1 && rig.stats().retried == 1; }));
  std::atomic<bool> drained{false};
  {
    Thread const drainer("drainer", [&] { drained = rig.core->drain(in(30s)).has_value(); });
    ASSERT_TRUE(eventually([&] { return rig.journal->intake_stops == 1; }));
    rig.intake().lose_lane(SubscriptionRig::kLane);
  }
  EXPECT_TRUE(drained);
}

TEST_F(Stopping, StuckHandlerHoldsUpADrainAndAStopOnlyUntilTheirDeadlines) {
  SubscriptionRig rig(quick_to_close(), holding_handler());
  rig.deliver_keys({"slow", "a"});
  ASSERT_TRUE(wait_for_begun(1));
  auto const start = Clock::now();
  EXPECT_EQ(rig.core->drain(in(50ms)).error().code, Errc::kTimeout);
  EXPECT_EQ(rig.core->stop(in(50ms)).error().code, Errc::kTimeout);
  EXPECT_LT(Clock::now() - start, 20s);
  EXPECT_EQ(rig.journal->closes, 1) << "the group is left all the same";
  gate_.open();
  EXPECT_TRUE(eventually([&] { return rig.stats().stale == 1; }));
  EXPECT_EQ(rig.settled(), 0) << "the source is closed";
  EXPECT_TRUE(rig.core->stop(in(30s)));
  EXPECT_EQ(rig.journal->closes, 1);
  EXPECT_TRUE(rig.journal->is_destroyed);
}

TEST_F(Stopping, SubscriptionDestroyedUnderAStuckHandlerIsWholeWhenItReturns) {
  SubscriptionRig rig(quick_to_close(), holding_handler());
  rig.deliver_keys({"slow"});
  ASSERT_TRUE(wait_for_begun(1));
  rig.destroy();
  EXPECT_FALSE(rig.journal->is_destroyed);
  EXPECT_EQ(rig.buffers(), 1);
  gate_.open();
  EXPECT_TRUE(eventually([&] { return rig.journal->is_destroyed.load(); })) << "the last to leave takes all with it";
  EXPECT_EQ(rig.buffers(), 0);
}

TEST_F(Stopping, StopClosesTheSourceOnceAndReleasesIt) {
  SubscriptionRig rig({}, holding_handler());
  rig.deliver_keys({"a"});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_TRUE(rig.core->stop(in(30s)));
  EXPECT_EQ(rig.journal->closes, 1);
  EXPECT_TRUE(rig.journal->is_destroyed);
  EXPECT_TRUE(rig.core->stop(in(30s)));
  EXPECT_EQ(rig.journal->closes, 1);
}

TEST_F(Stopping, HandlerCannotWaitForItsOwnEnd) {
  SubscriptionRig* self = nullptr;
  Gate ready;
  std::atomic<bool> refused{false};
  SubscriptionRig rig({}, [&, ready](Delivery const&) {
    ready.wait();
    refused = self->core->runs_on_this_thread() && self->core->drain(in(30s)).error().code == Errc::kInvalidArgument &&
              self->core->stop(in(30s)).error().code == Errc::kInvalidArgument;
    return ack();
  });
  self = &rig;
  ready.open();
  rig.deliver_keys({"a"});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_TRUE(refused);
  EXPECT_FALSE(rig.core->runs_on_this_thread());
}

TEST_F(Stopping, HandlerMayDropTheLastShareOfItsSubscription) {
  SubscriptionRig* self = nullptr;
  Gate ready;
  SubscriptionRig rig({}, [&, ready](Delivery const&) {
    ready.wait();
    self->destroy();
    return ack();
  });
  self = &rig;
  rig.deliver_keys({"a"});
  ready.open();  // only now: a real source is not destroyed before its own thread has ended
  EXPECT_TRUE(eventually([&] { return rig.journal->is_destroyed.load(); }));
}

TEST_F(Stopping, SubscriptionThatWasMovedFromIsClosed) {
  SubscriptionRig rig({}, holding_handler());
  Subscription first(std::move(rig.core));
  Subscription second(std::move(first));
  EXPECT_EQ(first.stop(1s).error().code, Errc::kClosed);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(first.stats().received, 0U);
  EXPECT_TRUE(second.stop(30s));
}

TEST_F(Stopping, DestroyedSubscriptionHasStopped) {
  SubscriptionRig rig({}, holding_handler());
  auto const core = rig.core;
  { Subscription const subscription(core); }
  EXPECT_EQ(rig.journal->closes, 1);
}

}  // namespace
}  // namespace fairlead
