#include "subscription_rig.hpp"

#include <gtest/gtest.h>

#include <set>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gate;
using test::in;
using test::SubscriptionRig;

SubscriptionRig::Options with_workers(int concurrency) {
  SubscriptionRig::Options options;
  options.config.concurrency = concurrency;
  return options;
}

TEST(Pause, NothingBeginsUntilResume) {
  std::atomic<int> begun{0};
  SubscriptionRig rig(with_workers(2), [&](Delivery const&) {
    ++begun;
    return ack();
  });
  rig.core->pause();
  EXPECT_EQ(rig.health().state, SubscriptionState::kPaused);
  EXPECT_FALSE(rig.intake().room());
  rig.deliver_keys({"a", "b", "c"});
  Gate const never;
  EXPECT_FALSE(never.wait(30ms));
  EXPECT_EQ(begun, 0);
  rig.core->resume();
  EXPECT_TRUE(eventually([&] { return rig.settled() == 3; }));
  EXPECT_EQ(rig.health().state, SubscriptionState::kRunning);
  EXPECT_EQ(rig.journal->room_calls, 1) << "the source, which was refused, is called";
}

TEST(Pause, RunningHandlersGoOnAndWhatTheirWorkersHaveTakenWaits) {
  Gate gate;
  std::atomic<int> begun{0};
  SubscriptionRig rig(with_workers(1), [&, gate](Delivery const& delivery) {
    ++begun;
    if (delivery.payload() == "slow") gate.wait();
    return ack();
  });
  // Quick messages first, so that the worker takes many at once.
  rig.deliver(std::vector<SubscriptionRig::Parts>(1'000));
  std::vector<SubscriptionRig::Parts> messages(64);
  messages.front().payload = "slow";
  rig.deliver(messages);
  ASSERT_TRUE(eventually([&] { return begun == 1'001; }));
  rig.core->pause();
  gate.open();
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1'001; })) << "the running one is settled";
  Gate const never;
  EXPECT_FALSE(never.wait(20ms));
  EXPECT_EQ(begun, 1'001);
  rig.core->resume();
  EXPECT_TRUE(eventually([&] { return rig.settled() == 1'064; }));
}

TEST(Pause, PausingAndResumingLosesNothing) {
  std::mutex mutex;
  std::multiset<std::int64_t> seen;
  SubscriptionRig rig(with_workers(4), [&](Delivery const& delivery) {
    std::lock_guard const lock(mutex);
    seen.insert(delivery.position());
    return ack();
  });
  std::atomic<bool> ends{false};
  {
    Thread const toggling("toggling", [&] {
      while (!ends) {
        rig.core->pause();
        rig.core->resume();
      }
    });
    for (int i = 0; i < 200; ++i) rig.deliver_keys({"a", "b", "c", "d", "e"});
    EXPECT_TRUE(eventually([&] { return rig.settled() == 1'000; }));
    ends = true;
  }
  EXPECT_EQ(seen.size(), 1'000U);
  EXPECT_EQ(std::set<std::int64_t>(seen.begin(), seen.end()).size(), 1'000U);
}

TEST(Pause, DrainWhilePausedEnds) {
  Gate gate;
  std::atomic<int> begun{0};
  SubscriptionRig rig(with_workers(2), [&, gate](Delivery const& delivery) {
    ++begun;
    if (delivery.payload() == "slow") gate.wait();
    return ack();
  });
  rig.deliver({{.key = "a", .payload = "slow"}, {.key = "a"}, {.key = "b"}});
  ASSERT_TRUE(eventually([&] { return begun == 2 && rig.stats().handled == 1; }));
  rig.core->pause();
  gate.open();
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(begun, 2);
  EXPECT_TRUE(rig.core->drain(in(30s)));
  EXPECT_EQ(rig.settled(), 3) << "what lies before a handled message is handled still";
}

TEST(Pause, IsLoggedAndTwiceIsAsOnce) {
  SubscriptionRig rig({}, [](Delivery const&) { return ack(); });
  rig.core->pause();
  rig.core->pause();
  EXPECT_TRUE(eventually([&] { return rig.logger->records("subscription").size() == 1; }));
  rig.core->resume();
  rig.core->resume();
  EXPECT_TRUE(eventually([&] { return rig.logger->records("subscription").size() == 2; }));
  EXPECT_EQ(rig.logger->records("subscription")[0].fields.at("state"), "paused");
  EXPECT_EQ(rig.logger->records("subscription")[1].fields.at("state"), "running");
}

TEST(Pause, ResumeAfterTheEndTouchesNothing) {
  SubscriptionRig rig({}, [](Delivery const&) { return ack(); });
  rig.core->pause();
  EXPECT_FALSE(rig.intake().room());
  EXPECT_TRUE(rig.core->stop(in(30s)));
  ASSERT_TRUE(rig.journal->is_destroyed);
  rig.core->resume();
  rig.core->pause();
  EXPECT_EQ(rig.journal->room_calls, 0);
  EXPECT_EQ(rig.health().state, SubscriptionState::kStopping);
}

TEST(Pause, HandlerMayPauseAndResumeItsOwnSubscription) {
  SubscriptionRig* self = nullptr;
  Gate ready;
  SubscriptionRig rig({}, [&, ready](Delivery const&) {
    ready.wait();
    self->core->pause();
    self->core->resume();
    return ack();
  });
  self = &rig;
  ready.open();
  rig.deliver_keys({"a", "b"});
  EXPECT_TRUE(eventually([&] { return rig.settled() == 2; }));
}

TEST(Seek, GoesToTheSource) {
  SubscriptionRig rig({.can_seek = true}, [](Delivery const&) { return ack(); });
  EXPECT_TRUE(rig.core->seek(SeekTarget::to_earliest(), in(30s)));
  EXPECT_EQ(rig.journal->seeks, 1);
}

TEST(Seek, IsUnsupportedBySourcesThatForget) {
  SubscriptionRig rig({}, [](Delivery const&) { return ack(); });
  EXPECT_EQ(rig.core->seek(SeekTarget::to_latest(), in(30s)).error().code, Errc::kUnsupported);
}

TEST(Seek, IsRefusedFromAHandlerAndAfterTheEnd) {
  SubscriptionRig* self = nullptr;
  Gate ready;
  std::atomic<bool> refused{false};
  SubscriptionRig rig({.can_seek = true}, [&, ready](Delivery const&) {
    ready.wait();
    refused = self->core->seek(SeekTarget::to_earliest(), in(5s)).error().code == Errc::kInvalidArgument;
    return ack();
  });
  self = &rig;
  ready.open();
  rig.deliver_keys({"a"});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_TRUE(refused);
  EXPECT_TRUE(rig.core->stop(in(30s)));
  EXPECT_EQ(rig.core->seek(SeekTarget::to_earliest(), in(5s)).error().code, Errc::kClosed);
  EXPECT_EQ(rig.journal->seeks, 0);
}

}  // namespace
}  // namespace fairlead
