#include "resilience/backoff.hpp"

#include <gtest/gtest.h>

#include <set>

namespace fairlead {
namespace {

using std::chrono::milliseconds;

constexpr BackoffPolicy kPolicy{milliseconds(1'000), milliseconds(30'000), 2.0};

TEST(Backoff, CeilingDoublesUpToTheCap) {
  EXPECT_EQ(backoff_ceiling(kPolicy, 1), milliseconds(1'000));
  EXPECT_EQ(backoff_ceiling(kPolicy, 2), milliseconds(2'000));
  EXPECT_EQ(backoff_ceiling(kPolicy, 5), milliseconds(16'000));
  EXPECT_EQ(backoff_ceiling(kPolicy, 6), milliseconds(30'000));
  EXPECT_EQ(backoff_ceiling(kPolicy, 4'000'000'000U), milliseconds(30'000));
}

TEST(Backoff, DelaysFillTheWholeRangeBelowTheCeiling) {
  milliseconds shortest = milliseconds::max();
  milliseconds longest{0};
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    Backoff backoff(kPolicy, seed);
    auto const delay = backoff.next();
    ASSERT_LE(delay, milliseconds(1'000));
    shortest = std::min(shortest, delay);
    longest = std::max(longest, delay);
  }
  EXPECT_LT(shortest, milliseconds(20));
  EXPECT_GT(longest, milliseconds(980));
}

TEST(Backoff, ClientsWithDifferentSeedsDoNotRetryTogether) {
  std::set<std::int64_t> delays;
  for (std::uint64_t seed = 0; seed < 100; ++seed) delays.insert(Backoff(kPolicy, seed).next().count());
  EXPECT_GT(delays.size(), 80U);
}

TEST(Backoff, ResetStartsAgainFromTheFirstCeiling) {
  Backoff backoff(kPolicy, 7);
  for (int i = 0; i < 10; ++i) (void)backoff.next();
  backoff.reset();
  EXPECT_LE(backoff.next(), milliseconds(1'000));
  EXPECT_EQ(backoff.failures(), 1U);
}

}  // namespace
}  // namespace fairlead
