#include "memory/source.hpp"

#include "memory_rig.hpp"
#include "support/fake_intake.hpp"
#include "support/wait.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace fairlead {
namespace {

using test::FakeIntake;
using test::Gate;
using test::MemoryRig;

/// A member of the group `billing`, with its intake.
struct Member {
  explicit Member(MemoryRig const& rig, FakeIntake::Room room = {1000, 1'000'000}) : Member(rig, rig.spec(), room) {}
  Member(MemoryRig const& rig, SourceSpec const& spec, FakeIntake::Room room = {1000, 1'000'000})
      : intake(room), source(std::make_unique<MemorySource>(rig.store, std::vector{rig.log}, spec, intake)) {}

  [[nodiscard]] std::vector<std::string> payloads() const {
    std::vector<std::string> payloads;
    for (auto const& seen : intake.seen()) payloads.push_back(seen.payload);
    return payloads;
  }
  void leave() { source->close(std::chrono::steady_clock::now()).value(); }

  FakeIntake intake;
  std::unique_ptr<MemorySource> source;
};

std::int64_t settled(MemoryRig const& rig, std::size_t partition = 0) {
  std::lock_guard const lock(rig.store->mutex);
  return rig.log->groups.find("billing")->second.cursors[partition].settled;
}

TEST(MemorySource, DeliversWhatIsThereAndWhatComes) {
  MemoryRig const rig;
  rig.append("one").value();
  Member member(rig);
  ASSERT_TRUE(member.intake.wait_for_messages(1));
  rig.append("two").value();
  ASSERT_TRUE(member.intake.wait_for_messages(2));
  EXPECT_EQ(member.payloads(), (std::vector<std::string>{"one", "two"}));
  auto const seen = member.intake.seen();
  EXPECT_EQ(seen[1].position, 1);
  EXPECT_EQ(seen[1].partition, 0);
  EXPECT_FALSE(seen[1].redelivered);
}

TEST(MemorySource, NextMemberGoesOnBehindWhatWasSettled) {
  MemoryRig const rig;
  for (auto const* payload : {"one", "two", "three"}) rig.append(payload).value();
  {
    Member member(rig);
    ASSERT_TRUE(member.intake.wait_for_messages(3));
    member.source->settle(member.intake.seen()[0].lane, 0);
    member.leave();
  }
  rig.append("four").value();
  Member next(rig);
  ASSERT_TRUE(next.intake.wait_for_messages(3));
  EXPECT_EQ(next.payloads(), (std::vector<std::string>{"two", "three", "four"}));
  auto const seen = next.intake.seen();
  EXPECT_TRUE(seen[0].redelivered);
  EXPECT_TRUE(seen[1].redelivered);
  EXPECT_FALSE(seen[2].redelivered) << "never delivered to anyone before";
}

TEST(MemorySource, SettlementsMayComeOutOfOrderAndStaleOnesAreDropped) {
  MemoryRig const rig;
  for (auto const* payload : {"one", "two", "three"}) rig.append(payload).value();
  Member member(rig);
  ASSERT_TRUE(member.intake.wait_for_messages(3));
  Lane const lane = member.intake.seen()[0].lane;
  member.source->settle(lane, 1);
  member.source->settle(lane, 0);
  EXPECT_EQ(settled(rig), 2);
  member.source->settle({lane.id, lane.epoch - 1}, 2);
  EXPECT_EQ(settled(rig), 2);
  member.leave();
  member.source->settle(lane, 2);
  EXPECT_EQ(settled(rig), 2);
}

TEST(MemorySource, MembersShareThePartitionsAndEachMessageGoesToOne) {
  MemoryRig const rig(4);
  Member first(rig);
  ASSERT_TRUE(first.intake.wait_for_lanes(4));
  Member second(rig);
  ASSERT_TRUE(first.intake.wait_for_lanes(2));
  ASSERT_TRUE(second.intake.wait_for_lanes(2));
  for (int i = 0; i < 8; ++i) rig.append(std::to_string(i)).value();  // by turns to the four
  ASSERT_TRUE(first.intake.wait_for_messages(4));
  ASSERT_TRUE(second.intake.wait_for_messages(4));
  EXPECT_EQ(first.intake.seen().size() + second.intake.seen().size(), 8U);
}

TEST(MemorySource, NewOwnerWaitsUntilTheOldOneHasLetGo) {
  MemoryRig const rig(2);
  Gate revoking;
  Gate let_go;
  rig.append("kept").value();
  rig.append("moved").value();
  Member first(rig);
  first.intake.on_revoke = [&](Lane lane) {
    revoking.open();
    let_go.wait();
    first.source->settle(lane, 0);  // what still ran may finish
  };
  ASSERT_TRUE(first.intake.wait_for_messages(2));
  Member second(rig);
  ASSERT_TRUE(revoking.wait());
  EXPECT_TRUE(second.intake.lanes().empty());
  let_go.open();
  ASSERT_TRUE(second.intake.wait_for_lanes(1));
  EXPECT_TRUE(first.intake.wait_for_lanes(1));
  Lane const taken = second.intake.lanes()[0];
  EXPECT_EQ(taken.epoch, 2U);
  EXPECT_EQ(settled(rig, static_cast<std::size_t>(taken.id)), 1);
  EXPECT_TRUE(second.intake.seen().empty()) << "it was settled before it moved";
}

TEST(MemorySource, PartitionsOfAMemberThatLeavesGoToTheOthers) {
  MemoryRig const rig(2);
  Member first(rig);
  auto second = std::make_unique<Member>(rig);
  ASSERT_TRUE(second->intake.wait_for_lanes(1));
  second.reset();
  ASSERT_TRUE(first.intake.wait_for_lanes(2));
}

TEST(MemorySource, DeliversNoMoreThanThereIsRoomFor) {
  MemoryRig const rig;
  for (int i = 0; i < 10; ++i) rig.append(std::to_string(i)).value();
  Member member(rig, {3, 1'000'000});
  ASSERT_TRUE(member.intake.wait_for_messages(3));
  member.intake.set_room({4, 1'000'000});
  member.source->room_available();
  ASSERT_TRUE(member.intake.wait_for_messages(7));
  EXPECT_EQ(member.intake.seen().size(), 7U);
}

TEST(MemorySource, LargeMessageNeedsOnlySomeRoomInBytes) {
  MemoryRig const rig;
  rig.append(std::string(5000, 'x')).value();
  rig.append("small").value();
  Member member(rig, {10, 100});
  ASSERT_TRUE(member.intake.wait_for_messages(1));
}

TEST(MemorySource, DeliversNothingAfterStopIntakeButStillSettles) {
  MemoryRig const rig;
  rig.append("one").value();
  Member member(rig);
  ASSERT_TRUE(member.intake.wait_for_messages(1));
  member.source->stop_intake();
  member.source->stop_intake();
  rig.append("two").value();
  member.source->settle(member.intake.seen()[0].lane, 0);
  EXPECT_EQ(settled(rig), 1);
  member.leave();
  EXPECT_EQ(member.intake.seen().size(), 1U);
}

TEST(MemorySource, GroupOfItsOwnBeginsAtTheLatestAndIsForgotten) {
  MemoryRig const rig(1, {});
  rig.append("before").value();
  {
    Member member(rig, rig.spec(""));
    ASSERT_TRUE(member.intake.wait_for_lanes(1));
    EXPECT_EQ(rig.log->groups.size(), 1U);
    rig.append("after").value();
    ASSERT_TRUE(member.intake.wait_for_messages(1));
    EXPECT_EQ(member.payloads(), (std::vector<std::string>{"after"}));
    Lane const lane = member.intake.seen()[0].lane;
    member.leave();
    member.source->settle(lane, 0);  // too late, and harmless
  }
  EXPECT_TRUE(rig.log->groups.empty());
}

TEST(MemorySource, CloseMayBeCalledAgain) {
  MemoryRig const rig;
  Member member(rig);
  member.leave();
  member.leave();
}

}  // namespace
}  // namespace fairlead
