#include "memory/source.hpp"
#include "memory_rig.hpp"
#include "support/fake_intake.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::FakeIntake;
using test::MemoryRig;

std::chrono::steady_clock::time_point soon() { return std::chrono::steady_clock::now() + 20s; }

struct Member {
  explicit Member(MemoryRig const& rig)
      : source(std::make_unique<MemorySource>(rig.store, std::vector{rig.log}, rig.spec(), intake)) {}
  [[nodiscard]] std::vector<std::string> payloads() const {
    std::vector<std::string> payloads;
    for (auto const& seen : intake.seen()) payloads.push_back(seen.payload);
    return payloads;
  }
  FakeIntake intake;
  std::unique_ptr<MemorySource> source;
};

std::int64_t settled(MemoryRig const& rig) {
  std::lock_guard const lock(rig.store->mutex);
  return rig.log->groups.find("billing")->second.cursors[0].settled;
}

struct ThreeMessages : MemoryRig {
  ThreeMessages() {
    for (auto const* payload : {"one", "two", "three"}) append(payload).value();
  }
};

TEST(MemorySeek, BackToTheEarliestReadsEverythingAgainInANewEpoch) {
  ThreeMessages const rig;
  Member member(rig);
  ASSERT_TRUE(member.intake.wait_for_messages(3));
  Lane const before = member.intake.seen()[0].lane;
  member.source->settle(before, 2);
  ASSERT_EQ(settled(rig), 3);

  ASSERT_TRUE(member.source->seek(SeekTarget::to_earliest(), soon()));

  EXPECT_EQ(settled(rig), 0) << "the group goes on from there after a restart";
  ASSERT_TRUE(member.intake.wait_for_messages(6));
  EXPECT_EQ(member.payloads(), (std::vector<std::string>{"one", "two", "three", "one", "two", "three"}));
  EXPECT_GT(member.intake.seen()[3].lane.epoch, before.epoch);
  member.source->settle(before, 2);
  EXPECT_EQ(settled(rig), 0) << "given up";
  member.source->settle(member.intake.seen()[3].lane, 0);
  EXPECT_EQ(settled(rig), 1);
}

TEST(MemorySeek, ToTheLatestSkipsWhatIsThere) {
  MemoryRig const rig;
  Member member(rig);
  member.intake.set_room({0, 0});
  rig.append("skipped").value();
  ASSERT_TRUE(member.source->seek(SeekTarget::to_latest(), soon()));
  member.intake.set_room({10, 1'000});
  member.source->room_available();
  rig.append("new").value();
  ASSERT_TRUE(member.intake.wait_for_messages(1));
  EXPECT_EQ(member.payloads().back(), "new");
  EXPECT_EQ(settled(rig), 1);
}

TEST(MemorySeek, ToAPositionMovesThatPartitionAlone) {
  MemoryRig const rig(2);
  for (auto const* payload : {"a0", "b0", "a1", "b1"}) rig.append(payload).value();  // by turns
  Member member(rig);
  ASSERT_TRUE(member.intake.wait_for_messages(4));
  ASSERT_TRUE(member.source->seek(SeekTarget::to_position(1, 1), soon()));
  ASSERT_TRUE(member.intake.wait_for_messages(5));
  EXPECT_EQ(member.payloads().back(), "b1");
  EXPECT_EQ(member.intake.seen().size(), 5U);
}

TEST(MemorySeek, ToATimeGoesToTheFirstMessagePublishedThenOrLater) {
  MemoryRig const rig;
  Headers const headers;
  for (std::int64_t const time : {1'000, 2'000, 3'000}) {
    auto const payload = std::to_string(time);
    Outbound message;
    message.payload = payload;
    message.headers = &headers;
    message.timestamp_ms = time;
    rig.store->append(*rig.log, Record::make(message)).value();
  }
  Member member(rig);
  ASSERT_TRUE(member.intake.wait_for_messages(3));
  ASSERT_TRUE(member.source->seek(SeekTarget::to_time(std::chrono::system_clock::time_point(1'500ms)), soon()));
  ASSERT_TRUE(member.intake.wait_for_messages(5));
  EXPECT_EQ(member.payloads()[3], "2000");
  ASSERT_TRUE(member.source->seek(SeekTarget::to_time(std::chrono::system_clock::time_point(9s)), soon()));
  EXPECT_EQ(settled(rig), 3) << "behind the newest";
}

TEST(MemorySeek, PositionsThatAreNotKeptAreRefused) {
  ThreeMessages const rig;
  Member member(rig);
  for (auto const& target : {SeekTarget::to_position(0, 4), SeekTarget::to_position(0, -1),
                             SeekTarget::to_position(1, 0), SeekTarget::to_position(-1, 0)}) {
    auto const refused = member.source->seek(target, soon());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kInvalidArgument) << refused.error().message;
  }
}

TEST(MemorySeek, PartitionOfAnotherMemberIsRefused) {
  MemoryRig const rig(2);
  Member first(rig);
  Member second(rig);
  ASSERT_TRUE(first.intake.wait_for_lanes(1));
  ASSERT_TRUE(second.intake.wait_for_lanes(1));
  auto const others = second.intake.lanes()[0].id;
  auto const refused = first.source->seek(SeekTarget::to_position(others, 0), soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kPreconditionFailed);
}

TEST(MemorySeek, ClosedSourceGoesNowhere) {
  MemoryRig const rig;
  Member member(rig);
  member.source->close(std::chrono::steady_clock::now()).value();
  auto const refused = member.source->seek(SeekTarget::to_earliest(), soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kClosed);
}

}  // namespace
}  // namespace fairlead
