#include "subscription_rig.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gate;
using test::in;
using test::SubscriptionRig;

constexpr Lane kLane = SubscriptionRig::kLane;

/// A handler that holds messages with the key `slow`.
class LaneTest : public testing::Test {
 protected:
  explicit LaneTest(int concurrency = 1)
      : rig_(options(concurrency), [this, gate = gate_](Delivery const& delivery) {
          ++begun_;
          if (delivery.key() == "slow") gate.wait();
          ++handled_;
          return ack();
        }) {}
  ~LaneTest() override { gate_.open(); }

  bool wait_for_begun(int count) {
    return eventually([&] { return begun_ == count; });
  }
  /// revoke_lane on a thread of its own; true in `revoked_` when it has returned.
  Thread revoke(std::chrono::milliseconds patience) {
    return Thread("source", [this, patience] {
      rig_.intake().revoke_lane(kLane, in(patience));
      settled_at_return_ = rig_.settled();
      revoked_ = true;
      test::something_changed();
    });
  }

  Gate gate_;
  std::atomic<int> begun_{0};
  std::atomic<int> handled_{0};
  std::atomic<bool> revoked_{false};
  std::atomic<std::int64_t> settled_at_return_{-1};
  SubscriptionRig rig_;

 private:
  static SubscriptionRig::Options options(int concurrency) {
    SubscriptionRig::Options options;
    options.config.concurrency = concurrency;
    return options;
  }
};

class LaneTestWithTwoWorkers : public LaneTest {
 protected:
  LaneTestWithTwoWorkers() : LaneTest(2) {}
};

TEST_F(LaneTest, RevokeWaitsForTheRunningHandlerAndItsSettlement) {
  rig_.deliver_keys({"slow", "a", "b"});
  ASSERT_TRUE(wait_for_begun(1));
  {
    Thread const source = revoke(30s);
    EXPECT_TRUE(eventually([&] { return rig_.buffers() == 1; })) << "what was not begun is dropped";
    EXPECT_FALSE(revoked_);
    gate_.open();
  }
  EXPECT_EQ(settled_at_return_, 1);
  EXPECT_EQ(handled_, 1);
  EXPECT_EQ(rig_.stats().stale, 0U);
  EXPECT_EQ(rig_.stats().in_flight, 0U);
}

TEST_F(LaneTest, StatisticsTellHowManyLanesAreOpen) {
  EXPECT_EQ(rig_.stats().partitions, 1U);
  rig_.intake().open_lane({5, 1});
  rig_.intake().open_lane({5, 2});
  EXPECT_EQ(rig_.stats().partitions, 2U);
  rig_.intake().lose_lane({5, 2});
  rig_.intake().revoke_lane(kLane, in(30s));
  EXPECT_EQ(rig_.stats().partitions, 0U);
}

TEST_F(LaneTestWithTwoWorkers, RevokeFinishesWhatLiesBeforeHandledMessages) {
  rig_.deliver_keys({"slow", "slow", "a", "b", "slow"});
  ASSERT_TRUE(eventually([&] { return handled_ == 2; }));
  {
    Thread const source = revoke(30s);
    EXPECT_TRUE(eventually([&] { return rig_.buffers() == 2; })) << "the last one is dropped";
    gate_.open();
  }
  EXPECT_EQ(settled_at_return_, 4);
  EXPECT_EQ(handled_, 4);
}

TEST_F(LaneTest, RevokeGivesUpAtItsDeadline) {
  rig_.deliver_keys({"slow"});
  ASSERT_TRUE(wait_for_begun(1));
  rig_.intake().revoke_lane(kLane, in(10ms));
  EXPECT_EQ(rig_.settled(), 0);
  gate_.open();
  EXPECT_TRUE(eventually([&] { return rig_.stats().stale == 1; }));
  EXPECT_EQ(rig_.settled(), 0);
}

TEST_F(LaneTest, LostLaneDropsItsMessagesAtOnceAndIsNeverSettled) {
  rig_.deliver_keys({"slow", "a"});
  ASSERT_TRUE(wait_for_begun(1));
  rig_.intake().lose_lane(kLane);
  EXPECT_EQ(rig_.stats().in_flight, 0U);
  EXPECT_EQ(rig_.buffers(), 1);
  gate_.open();
  EXPECT_TRUE(eventually([&] { return rig_.stats().stale == 1; }));
  EXPECT_TRUE(eventually([&] { return rig_.buffers() == 0; }));
  EXPECT_EQ(rig_.settled(), 0);
  EXPECT_EQ(handled_, 1);
}

TEST_F(LaneTest, NewEpochStartsAfreshAndOldSettlementsDoNotReachIt) {
  rig_.deliver_keys({"slow"});
  ASSERT_TRUE(wait_for_begun(1));
  Lane const again{kLane.id, 2};
  rig_.intake().open_lane(again);
  rig_.deliver_keys({"a"}, again);
  gate_.open();
  EXPECT_TRUE(eventually([&] { return rig_.settled(again) == 2; }));
  EXPECT_EQ(rig_.settled(kLane), 0);
  EXPECT_TRUE(eventually([&] { return rig_.stats().stale == 1; }));
}

TEST_F(LaneTestWithTwoWorkers, RedeliveredMessageWaitsForTheStaleHandlerOfItsKey) {
  rig_.deliver_keys({"slow"});
  ASSERT_TRUE(wait_for_begun(1));
  Lane const again{kLane.id, 2};
  rig_.intake().open_lane(again);
  rig_.deliver_keys({"slow", "a"}, again);
  ASSERT_TRUE(wait_for_begun(2)) << "the other key goes on";
  EXPECT_EQ(handled_, 1);
  gate_.open();
  EXPECT_TRUE(eventually([&] { return rig_.settled(again) == 3; }));
}

TEST_F(LaneTestWithTwoWorkers, OtherLanesGoOnWhileOneIsLost) {
  Lane const other{5, 1};
  rig_.intake().open_lane(other);
  rig_.deliver_keys({"slow", "a"});
  rig_.deliver_keys({"b", "c"}, other);
  ASSERT_TRUE(eventually([&] { return rig_.settled(other) == 2; }));
  rig_.intake().lose_lane(kLane);
  rig_.deliver_keys({"b", "c"}, other);
  EXPECT_TRUE(eventually([&] { return rig_.settled(other) == 4; }));
}

}  // namespace
}  // namespace fairlead
