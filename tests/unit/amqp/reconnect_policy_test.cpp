#include "amqp/reconnect_policy.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace fairlead::amqp
