#include "resilience/token_bucket.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using Clock = TokenBucket::Clock;

constexpr Clock::time_point kStart{1h};

TEST(TokenBucket, StartsFullAndGivesOneTokenPerInterval) {
  TokenBucket bucket(10, 3);
  EXPECT_EQ(bucket.take_up_to(5, kStart), 3U);
  EXPECT_FALSE(bucket.take(kStart + 99ms));
  EXPECT_TRUE(bucket.take(kStart + 100ms));
  EXPECT_FALSE(bucket.take(kStart + 199ms));
  EXPECT_EQ(bucket.take_up_to(5, kStart + 400ms), 3U);
}

TEST(TokenBucket, KeepsNoMoreThanTheBurstHoweverLongItRests) {
  TokenBucket bucket(1'000, 5);
  EXPECT_EQ(bucket.take_up_to(100, kStart), 5U);
  EXPECT_EQ(bucket.take_up_to(100, kStart + 24h * 365 * 100), 5U);
  EXPECT_FALSE(bucket.take(kStart + 24h * 365 * 100));
}

TEST(TokenBucket, NextNamesTheFirstMomentWithAToken) {
  std::mt19937_64 random(5);
  for (double const rate : {0.001, 0.3, 1.0, 3.0, 7.7, 499.9, 123'456.7, 1e9}) {
    TokenBucket bucket(rate, 4);
    auto now = kStart;
    for (int i = 0; i < 2'000; ++i) {
      auto const next = bucket.next(now);
      ASSERT_GE(next, now);
      if (next > now) {
        ASSERT_FALSE(bucket.take(next - 1ns)) << rate;
      }
      ASSERT_TRUE(bucket.take(next)) << rate;
      now = next + std::chrono::nanoseconds(random() % 3 == 0 ? random() % 1'000 : 0);
    }
  }
}

TEST(TokenBucket, DoesNotDriftOverATrillionNanosecondsAndABillionTakes) {
  constexpr double kRate = 1'000'000.0 / 3;
  TokenBucket bucket(kRate, 1'000);
  std::uint64_t taken = bucket.take_up_to(1'000, kStart);
  auto now = kStart;
  for (std::int64_t step = 1; taken < 1'000'000'000; ++step) {
    now += 1'234'567ns;  // 411.5 tokens
    auto const had = taken;
    taken += bucket.take_up_to(1'000, now);
    ASSERT_GT(taken, had);
    // Exactly: the burst and a third of a token per microsecond.
    auto const nanoseconds = static_cast<std::uint64_t>(std::chrono::nanoseconds(now - kStart).count());
    ASSERT_LE(taken, 1'000 + nanoseconds / 3'000);
    ASSERT_GE(taken + 1, 1'000 + nanoseconds / 3'000);
  }
}

TEST(TokenBucket, ManySingleTakesNeverExceedBurstAndRate) {
  TokenBucket bucket(1'000, 10);
  std::mt19937_64 random(7);
  auto now = kStart;
  std::int64_t taken = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    now += std::chrono::nanoseconds(random() % 1'500'000);
    if (bucket.take(now)) ++taken;
    ASSERT_LE(taken, 10 + std::chrono::nanoseconds(now - kStart).count() / 1'000'000);
  }
  EXPECT_GT(taken, 700'000);
}

TEST(TokenBucket, ClockThatStandsStillOrGoesBackBringsNothingAndCostsNothing) {
  TokenBucket bucket(10, 2);
  EXPECT_EQ(bucket.take_up_to(9, kStart), 2U);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_FALSE(bucket.take(kStart));
    EXPECT_FALSE(bucket.take(kStart - 1h));
    EXPECT_EQ(bucket.next(kStart - 1h), kStart + 100ms);
  }
  EXPECT_TRUE(bucket.take(kStart + 100ms));
  EXPECT_FALSE(bucket.take(kStart - 1h));
  EXPECT_TRUE(bucket.take(kStart + 200ms));
  EXPECT_EQ(bucket.take_up_to(9, kStart + 1h), 2U);
}

TEST(TokenBucket, ClockThatGoesBackWhileItIsFullRefillsItOnce) {
  TokenBucket bucket(10, 2);
  EXPECT_EQ(bucket.next(kStart), kStart);
  EXPECT_EQ(bucket.take_up_to(9, kStart - 1h), 2U);
  EXPECT_EQ(bucket.take_up_to(9, kStart), 0U);
}

TEST(TokenBucket, UnusedTokensComeBackUpToTheBurst) {
  TokenBucket bucket(10, 4);
  EXPECT_EQ(bucket.take_up_to(4, kStart), 4U);
  bucket.give_back(3);
  EXPECT_EQ(bucket.take_up_to(9, kStart), 3U);
  bucket.give_back(1'000);
  EXPECT_EQ(bucket.take_up_to(9, kStart + 1s), 4U);
}

TEST(TokenBucket, RateThatIsNoRateGivesTheFirstBurstOnly) {
  for (double const rate : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    TokenBucket bucket(rate, 0);
    EXPECT_TRUE(bucket.take(kStart)) << "a burst is at least one";
    EXPECT_FALSE(bucket.take(kStart + 24h * 365));
    EXPECT_EQ(bucket.next(kStart), Clock::time_point::max());
  }
  TokenBucket slow(1e-12, 1);
  EXPECT_TRUE(slow.take(kStart));
  EXPECT_EQ(slow.next(kStart), Clock::time_point::max());
}

TEST(TokenBucket, RateBeyondTheClockCountsAsOneTokenPerNanosecond) {
  TokenBucket bucket(std::numeric_limits<double>::infinity(), 1);
  EXPECT_TRUE(bucket.take(kStart));
  EXPECT_EQ(bucket.next(kStart), kStart + 1ns);
}

}  // namespace
}  // namespace fairlead
