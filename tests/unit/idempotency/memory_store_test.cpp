#include "idempotency/memory_store.hpp"

#include "unit/idempotency/store_under_test.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fairlead {
namespace {

class MemoryStoreTest : public testing::Test {
 protected:
  MemoryIdempotencyStore make(std::size_t max_entries) {
    return MemoryIdempotencyStore(
        {.max_entries = max_entries, .on_evicted = [this](auto count) { reported_.push_back(count); }},
        [this] { return now_; });
  }
  static ClaimState claim(MemoryIdempotencyStore& store, std::string_view key, std::string_view owner = "ann",
                          std::chrono::milliseconds lease = 10s) {
    return store.claim(order(key), owner, lease).value().state;
  }
  static void finish(MemoryIdempotencyStore& store, std::string_view key, std::chrono::milliseconds keep) {
    ASSERT_EQ(claim(store, key), ClaimState::kClaimed);
    ASSERT_TRUE(store.complete(order(key), "ann", keep).value());
  }

  MemoryIdempotencyStore::Clock::time_point now_{};
  std::vector<std::uint64_t> reported_;
};

TEST_F(MemoryStoreTest, HoldsALeaseToItsLastMillisecond) {
  auto store = make(10);
  ASSERT_EQ(claim(store, "1"), ClaimState::kClaimed);
  now_ += 10s - 1ms;
  EXPECT_EQ(store.claim(order("1"), "bob", 10s).value().busy_for, 1ms);
  now_ += 1ms;
  EXPECT_EQ(claim(store, "1", "bob"), ClaimState::kClaimed);
  EXPECT_EQ(store.stats().expired, 1U);
}

TEST_F(MemoryStoreTest, CountsACompletionPastTheLeaseAsLostEvenWhenNobodyElseCame) {
  auto store = make(10);
  ASSERT_EQ(claim(store, "1"), ClaimState::kClaimed);
  now_ += 10s;
  EXPECT_FALSE(store.complete(order("1"), "ann", 10s).value());
  EXPECT_EQ(claim(store, "1", "bob"), ClaimState::kDone);
}

TEST_F(MemoryStoreTest, RemembersWhatIsDoneToTheEndOfItsRetention) {
  auto store = make(10);
  finish(store, "1", 1h);
  now_ += 1h - 1ms;
  EXPECT_EQ(claim(store, "1"), ClaimState::kDone);
  now_ += 1ms;
  EXPECT_EQ(claim(store, "1"), ClaimState::kClaimed);
  EXPECT_EQ(store.stats().expired, 0U);
}

TEST_F(MemoryStoreTest, EvictsTheOldestDoneMarkWhenItIsFullAndReportsIt) {
  auto store = make(3);
  finish(store, "1", 1h);
  now_ += 1s;
  finish(store, "2", 1h);
  ASSERT_EQ(claim(store, "3"), ClaimState::kClaimed);
  EXPECT_TRUE(reported_.empty());
  ASSERT_EQ(claim(store, "4"), ClaimState::kClaimed);
  EXPECT_EQ(reported_, std::vector<std::uint64_t>{1});
  EXPECT_EQ(store.stats().evicted, 1U);
  EXPECT_EQ(store.stats().entries, 3U);
  EXPECT_EQ(claim(store, "2"), ClaimState::kDone);
  EXPECT_EQ(claim(store, "3", "bob"), ClaimState::kBusy);
}

TEST_F(MemoryStoreTest, DropsWhatHasEndedBeforeItEvicts) {
  auto store = make(2);
  finish(store, "1", 1h);
  ASSERT_EQ(claim(store, "2"), ClaimState::kClaimed);
  now_ += 10s;  // the end of the claim
  ASSERT_EQ(claim(store, "3"), ClaimState::kClaimed);
  EXPECT_EQ(store.stats().evicted, 0U);
  EXPECT_EQ(claim(store, "1"), ClaimState::kDone);
}

TEST_F(MemoryStoreTest, RefusesAClaimRatherThanEvictAnother) {
  auto store = make(2);
  ASSERT_EQ(claim(store, "1"), ClaimState::kClaimed);
  ASSERT_EQ(claim(store, "2"), ClaimState::kClaimed);
  auto const refused = store.claim(order("3"), "ann", 10s);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_NE(refused.error().message.find("max_entries"), std::string::npos);
  store.release(order("1"), "ann").value();
  EXPECT_EQ(claim(store, "3"), ClaimState::kClaimed);
}

TEST_F(MemoryStoreTest, ForgetsWhatHasEndedWhileOthersAreClaimed) {
  auto store = make(10'000);
  for (int key = 0; key < 1'000; ++key) finish(store, std::to_string(key), 1h);
  now_ += 1h;
  for (int key = 1'000; key < 1'300; ++key) ASSERT_EQ(claim(store, std::to_string(key)), ClaimState::kClaimed);
  EXPECT_EQ(store.stats().entries, 300U);
}

}  // namespace
}  // namespace fairlead
