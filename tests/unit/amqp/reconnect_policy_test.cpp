#include "amqp/reconnect_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

namespace fairlead::amqp {
namespace {

using namespace std::chrono_literals;

std::vector<HostPort> const kHosts{{"a", 1}, {"b", 1}, {"c", 1}};

TEST(ReconnectPolicy, TriesEveryHostAtOnceBeforeTheFirstDelay) {
  ReconnectPolicy policy(kHosts, {1'000ms, 30'000ms}, 1);
  std::set<std::string> tried;
  for (int i = 0; i < 3; ++i) {
    auto const attempt = policy.next();
    EXPECT_EQ(attempt.delay, 0ms);
    tried.insert(attempt.host.host);
  }
  EXPECT_EQ(tried.size(), 3u);
}

TEST(ReconnectPolicy, DelaysStayUnderAGrowingCeiling) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    ReconnectPolicy policy({{"a", 1}}, {1'000ms, 30'000ms}, seed);
    EXPECT_EQ(policy.next().delay, 0ms);
    for (auto const ceiling : {2'000ms, 4'000ms, 8'000ms, 16'000ms, 30'000ms, 30'000ms}) {
      EXPECT_LE(policy.next().delay, ceiling);
    }
  }
}

TEST(ReconnectPolicy, ComesBackAtOnceAfterAConnectionThatHadProvedItself) {
  ReconnectPolicy policy({{"a", 1}}, {1'000ms, 30'000ms}, 1);
  auto const start = ReconnectPolicy::TimePoint{} + 1h;
  for (int i = 0; i < 10; ++i) (void)policy.next();
  policy.connected(start);
  policy.lost(start + ReconnectPolicy::kStable);
  EXPECT_EQ(policy.next().delay, 0ms);
  EXPECT_LE(policy.next().delay, 2'000ms) << "the backoff began anew";
}

TEST(ReconnectPolicy, BacksOffFromABrokerThatHangsUpAtOnce) {
  std::chrono::milliseconds slept{0};
  ReconnectPolicy policy({{"a", 1}}, {1'000ms, 30'000ms}, 1);
  auto now = ReconnectPolicy::TimePoint{} + 1h;
  for (int i = 0; i < 20; ++i) {
    slept += policy.next().delay;
    policy.connected(now);
    policy.lost(now + 1ms);
  }
  EXPECT_GT(slept, 60s);
}

TEST(ReconnectPolicy, WaitsAtLeastAsLongAsItIsTold) {
  ReconnectPolicy policy({{"a", 1}}, {1ms, 2ms}, 1);
  (void)policy.next();
  EXPECT_GE(policy.next(5'000ms).delay, 5'000ms);
}

TEST(ReconnectPolicy, ClientsDoNotComeBackTogether) {
  std::set<std::int64_t> delays;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    ReconnectPolicy policy({{"a", 1}}, {1'000ms, 30'000ms}, seed);
    (void)policy.next();
    delays.insert(policy.next().delay.count());
  }
  EXPECT_GT(delays.size(), 15u);
}

/// When a client that lost its broker at 0 has it again, which is back after a minute; from then on.
std::chrono::milliseconds comes_back(std::uint64_t seed) {
  ReconnectPolicy policy({{"a", 1}}, {1'000ms, 30'000ms}, seed);
  (void)policy.next();
  policy.connected({});
  policy.lost(ReconnectPolicy::TimePoint{} + 1h);
  auto now = policy.next().delay;
  EXPECT_LE(now, 100ms) << "the first attempt is made at once";
  while (now < 60'000ms) now += policy.next().delay;
  return now - 60'000ms;
}

TEST(ReconnectPolicy, TwoHundredClientsDoNotHerdWhenTheBrokerIsBack) {
  constexpr std::size_t kRuns = 50;
  constexpr std::size_t kClients = 200;
  constexpr std::size_t kSeconds = 30;  // the longest delay
  constexpr std::size_t kBin = 3;       // of one run: in a second come too few to tell chance from a herd
  std::array<std::size_t, kSeconds + 1> all{};
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    std::array<std::size_t, kSeconds / kBin + 1> bins{};
    for (std::uint64_t client = 0; client < kClients; ++client) {
      auto const second = static_cast<std::size_t>(comes_back(run * kClients + client) / 1'000ms);
      ++all.at(second);
      ++bins.at(second / kBin);
    }
    EXPECT_LE(*std::max_element(bins.begin(), bins.end()), 3 * kClients * kBin / kSeconds) << "run " << run;
  }
  EXPECT_LE(*std::max_element(all.begin(), all.end()), 3 * kRuns * kClients / kSeconds);
}

}  // namespace
}  // namespace fairlead::amqp
