// What every store does alike.
#include "support/wait.hpp"
#include "unit/idempotency/store_under_test.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace fairlead {
namespace {

constexpr auto kLease = 60s;
constexpr auto kKeep = 60s;

class Store : public testing::TestWithParam<char const*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "redis" && !require_redis()) return;
    place_ = make_place(GetParam());
    store_ = place_->open();
  }
  ClaimState claim(std::string_view key, std::string_view owner, std::chrono::milliseconds lease = kLease) {
    return store_->claim(order(key), owner, lease).value().state;
  }
  bool complete(std::string_view key, std::string_view owner, std::chrono::milliseconds keep = kKeep) {
    return store_->complete(order(key), owner, keep).value();
  }
  void expire(std::string_view key, std::string_view owner) {
    ASSERT_EQ(claim(key, owner, 1ms), ClaimState::kClaimed);
    ASSERT_TRUE(test::eventually([&] { return claim(key, "the next", kLease) == ClaimState::kClaimed; }));
  }

  std::unique_ptr<StorePlace> place_;
  std::shared_ptr<IdempotencyStore> store_;
};

TEST_P(Store, GrantsTheFirstClaim) {
  auto const claim = store_->claim(order("1"), "ann", kLease).value();
  EXPECT_EQ(claim.state, ClaimState::kClaimed);
  EXPECT_EQ(claim.busy_for, 0ms);
}

TEST_P(Store, KeepsASecondOwnerOutAndTellsHowLong) {
  ASSERT_EQ(claim("1", "ann"), ClaimState::kClaimed);
  auto const second = store_->claim(order("1"), "bob", kLease).value();
  EXPECT_EQ(second.state, ClaimState::kBusy);
  EXPECT_GT(second.busy_for, 0ms);
  EXPECT_LE(second.busy_for, kLease);
  EXPECT_GT(second.busy_for, kLease - test::kPatience);
}

TEST_P(Store, GrantsAnOwnerItsClaimOnce) {
  ASSERT_EQ(claim("1", "ann"), ClaimState::kClaimed);
  EXPECT_EQ(claim("1", "ann"), ClaimState::kBusy);
}

TEST_P(Store, GrantsAClaimAgainWhenItsLeaseHasEnded) {
  ASSERT_EQ(claim("1", "ann", 1ms), ClaimState::kClaimed);
  EXPECT_TRUE(test::eventually([&] { return claim("1", "bob") == ClaimState::kClaimed; }));
  EXPECT_EQ(claim("1", "cid"), ClaimState::kBusy);
}

TEST_P(Store, AnswersDoneOnceCompleted) {
  ASSERT_EQ(claim("1", "ann"), ClaimState::kClaimed);
  EXPECT_TRUE(complete("1", "ann"));
  EXPECT_EQ(claim("1", "bob"), ClaimState::kDone);
  EXPECT_EQ(claim("1", "ann"), ClaimState::kDone);
}

TEST_P(Store, CompletesTwiceForTheSameOwner) {  // the answer to the first was lost
  ASSERT_EQ(claim("1", "ann"), ClaimState::kClaimed);
  ASSERT_TRUE(complete("1", "ann"));
  EXPECT_TRUE(complete("1", "ann"));
}

TEST_P(Store, FreesWhatItsOwnerReleases) {
  ASSERT_EQ(claim("1", "ann"), ClaimState::kClaimed);
  store_->release(order("1"), "ann").value();
  EXPECT_EQ(claim("1", "bob"), ClaimState::kClaimed);
}

TEST_P(Store, IgnoresTheReleaseOfAStranger) {
  store_->release(order("1"), "ann").value();
  ASSERT_EQ(claim("1", "ann"), ClaimState::kClaimed);
  store_->release(order("1"), "bob").value();
  EXPECT_EQ(claim("1", "bob"), ClaimState::kBusy);
}

TEST_P(Store, KeepsWhatIsDoneWhenItsOwnerReleasesIt) {
  ASSERT_EQ(claim("1", "ann"), ClaimState::kClaimed);
  ASSERT_TRUE(complete("1", "ann"));
  store_->release(order("1"), "ann").value();
  EXPECT_EQ(claim("1", "bob"), ClaimState::kDone);
}

TEST_P(Store, MarksAsDoneWhatAnOwnerFinishesPastItsLeaseAndSaysSo) {
  expire("1", "ann");
  EXPECT_FALSE(complete("1", "ann"));
  EXPECT_EQ(claim("1", "cid"), ClaimState::kDone);
  EXPECT_FALSE(complete("1", "the next"));  // whose effect came second
}

TEST_P(Store, MarksAsDoneWhatNobodyClaimsAnyMore) {
  EXPECT_FALSE(complete("1", "ann"));
  EXPECT_EQ(claim("1", "bob"), ClaimState::kDone);
}

TEST_P(Store, LeavesTheNextOwnersClaimWhenTheLastOneReleases) {
  expire("1", "ann");
  store_->release(order("1"), "ann").value();
  EXPECT_EQ(claim("1", "cid"), ClaimState::kBusy);
}

TEST_P(Store, ForgetsWhatIsDoneWhenItsRetentionEnds) {
  ASSERT_EQ(claim("1", "ann"), ClaimState::kClaimed);
  ASSERT_TRUE(complete("1", "ann", 1ms));
  EXPECT_TRUE(test::eventually([&] { return claim("1", "bob") == ClaimState::kClaimed; }));
}

TEST_P(Store, KeepsScopesAndKeysApart) {
  std::array<ClaimKey, 5> const keys{{{"a", "bc"}, {"ab", "c"}, {"abc", ""}, {"", "abc"}, {"1:a", "bc"}}};
  for (ClaimKey key : keys) EXPECT_EQ(store_->claim(key, "ann", kLease).value().state, ClaimState::kClaimed);
  EXPECT_TRUE(store_->complete(keys[0], "ann", kKeep).value());
  EXPECT_EQ(store_->claim(keys[0], "bob", kLease).value().state, ClaimState::kDone);
  EXPECT_EQ(store_->claim(keys[1], "bob", kLease).value().state, ClaimState::kBusy);
}

TEST_P(Store, TakesAnyBytesAsKeyScopeAndOwner) {
  std::string const bytes("a\0b\r\n\xff'\"$1\x1f", 11);
  ASSERT_EQ(store_->claim({bytes, bytes}, bytes, kLease).value().state, ClaimState::kClaimed);
  EXPECT_EQ(store_->claim({bytes, bytes.substr(0, 1)}, bytes, kLease).value().state, ClaimState::kClaimed);
  EXPECT_TRUE(store_->complete({bytes, bytes}, bytes, kKeep).value());
}

TEST_P(Store, TakesLifetimesOfAnyLength) {
  ASSERT_EQ(claim("1", "ann", std::chrono::milliseconds::max()), ClaimState::kClaimed);
  EXPECT_EQ(claim("1", "bob"), ClaimState::kBusy);
  EXPECT_TRUE(complete("1", "ann", std::chrono::milliseconds::max()));
  EXPECT_EQ(claim("1", "bob"), ClaimState::kDone);
  ASSERT_EQ(claim("2", "ann", std::chrono::milliseconds::min()), ClaimState::kClaimed);
  EXPECT_TRUE(test::eventually([&] { return claim("2", "bob", 0ms) == ClaimState::kClaimed; }));
}

TEST_P(Store, ProvesThatItCanBeUsed) {
  store_->check().value();
  EXPECT_EQ(claim("1", "ann"), ClaimState::kClaimed);
}

TEST_P(Store, GrantsEachKeyToOneOfManyThreads) {
  constexpr int kThreads = 8;
  constexpr int kKeys = 1'000;
  std::vector<std::atomic<int>> granted(kKeys);
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, owner = std::to_string(thread)] {
      for (int key = 0; key < kKeys; ++key) {
        auto const claim = store_->claim(order(std::to_string(key)), owner, kLease);
        if (!claim) ++failed;
        if (claim && claim->state == ClaimState::kClaimed) ++granted[static_cast<std::size_t>(key)];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  for (auto const& count : granted) ASSERT_EQ(count, 1);
}

std::string name_of(testing::TestParamInfo<char const*> const& store) { return store.param; }

INSTANTIATE_TEST_SUITE_P(, Store, testing::Values("memory", "sqlite", "redis"), name_of);

}  // namespace
}  // namespace fairlead
