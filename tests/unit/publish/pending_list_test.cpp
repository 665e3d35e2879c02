#include "publish/pending_list.hpp"

#include "publish/confirm_window.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

constexpr PendingList::Clock::time_point kStart{1h};

TEST(PendingList, KnowsTheEarliestOfMixedDeadlines) {
  PendingList list;
  std::array<PendingPublish, 4> slots;
  EXPECT_EQ(list.next_deadline(), PendingList::Clock::time_point::max());
  list.push(slots[0], kStart + 30s);
  EXPECT_EQ(list.next_deadline(), kStart + 30s);
  list.push(slots[1], kStart + 1s);
  list.push(slots[2], kStart + 31s);
  list.push(slots[3], kStart + 2s);
  EXPECT_EQ(list.next_deadline(), kStart + 1s);
  list.remove(slots[1]);
  EXPECT_EQ(list.next_deadline(), kStart + 2s);
  list.remove(slots[3]);
  EXPECT_EQ(list.next_deadline(), kStart + 30s);
  list.remove(slots[0]);
  EXPECT_EQ(list.next_deadline(), kStart + 31s);
}

TEST(PendingList, FindsWhatHasExpiredAndNothingElse) {
  PendingList list;
  std::array<PendingPublish, 3> slots;
  list.push(slots[0], kStart + 30s);
  list.push(slots[1], kStart + 1s);
  list.push(slots[2], kStart + 30s);
  EXPECT_EQ(list.find_expired(kStart + 999ms), nullptr);
  EXPECT_EQ(list.find_expired(kStart + 1s), &slots[1]);
  list.remove(slots[1]);
  EXPECT_EQ(list.find_expired(kStart + 29s), nullptr);
  EXPECT_EQ(list.find_expired(kStart + 30s), &slots[0]);
  list.remove(slots[0]);
  EXPECT_EQ(list.find_expired(kStart + 30s), &slots[2]);
  list.remove(slots[2]);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.find_expired(kStart + 1h), nullptr);
}

TEST(PendingList, ReusedSlotDoesNotInheritItsEarlierDeadline) {
  PendingList list;
  std::array<PendingPublish, 2> slots;
  list.push(slots[0], kStart + 30s);
  list.push(slots[1], kStart + 1s);
  list.remove(slots[1]);
  list.push(slots[1], kStart + 5s);
  EXPECT_EQ(list.next_deadline(), kStart + 5s);
  list.remove(slots[1]);
  list.push(slots[1], kStart + 40s);
  EXPECT_EQ(list.next_deadline(), kStart + 30s);
}

TEST(PendingList, KeepsTheOrderOfThePublishes) {
  PendingList list;
  std::array<PendingPublish, 3> slots;
  for (auto& slot : slots) list.push(slot, kStart);
  EXPECT_EQ(list.oldest(), &slots[0]);
  list.remove(slots[1]);
  list.remove(slots[0]);
  EXPECT_EQ(list.oldest(), &slots[2]);
  EXPECT_LT(slots[2].sequence, list.next_sequence());
}

TEST(PendingList, IsBoundedThoughOneOldPublishIsStuck) {
  PendingList list;
  std::array<PendingPublish, 3> slots;
  list.push(slots[0], kStart + 1h);
  list.push(slots[1], kStart + 1s);  // stays on top of the heap: nothing below it is looked at
  for (int i = 0; i < 100'000; ++i) {
    list.push(slots[2], kStart + 30s);
    list.remove(slots[2]);
  }
  EXPECT_EQ(list.next_deadline(), kStart + 1s);
  EXPECT_LT(list.heap_size(), 100U);
  EXPECT_LT(list.ring_size(), 100U);
  EXPECT_EQ(list.oldest(), &slots[0]);
}

TEST(PendingList, KeepsItsOrderWhenItGrowsAndWhenItClosesItsGaps) {
  PendingList list;
  std::vector<PendingPublish> slots(1'000);
  for (auto& slot : slots) list.push(slot, kStart);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (i % 7 != 0) list.remove(slots[i]);
  }
  // As many again as there is room for, so that the gaps are needed.
  std::vector<PendingPublish> more(1'000);
  for (auto& slot : more) list.push(slot, kStart);
  EXPECT_LE(list.ring_size(), 2'048U);
  for (std::size_t i = 0; i < slots.size(); i += 7) {
    ASSERT_EQ(list.oldest(), &slots[i]);
    list.remove(slots[i]);
  }
  for (auto& slot : more) {
    ASSERT_EQ(list.oldest(), &slot);
    list.remove(slot);
  }
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace fairlead
