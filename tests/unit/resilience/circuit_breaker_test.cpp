#include "resilience/circuit_breaker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using Clock = CircuitBreaker::Clock;
using Permit = CircuitBreaker::Permit;
using State = CircuitBreaker::State;

constexpr Clock::time_point kStart{1h};

/// One that a failure without budget has opened at kStart.
CircuitBreaker make_open(CircuitBreakerPolicy const& policy, std::uint64_t seed = 1) {
  CircuitBreaker breaker(policy, seed);
  while (breaker.state() == State::kClosed) breaker.on_failure(breaker.begin(kStart), kStart);
  return breaker;
}

TEST(CircuitBreaker, PaysForAsManyRetriesAsTheBudgetHolds) {
  CircuitBreaker breaker({.budget = 3}, 1);
  for (int retry = 0; retry < 3; ++retry) {
    breaker.on_failure(breaker.begin(kStart), kStart);
    EXPECT_EQ(breaker.state(), State::kClosed);
    EXPECT_FALSE(breaker.next_probe());
  }
  breaker.on_failure(breaker.begin(kStart), kStart);
  EXPECT_EQ(breaker.state(), State::kOpen);
  EXPECT_EQ(breaker.begin(*breaker.next_probe() - 1ns), Permit::kRefused);
}

TEST(CircuitBreaker, SuccessesGiveBackUpToTheBudget) {
  CircuitBreaker breaker({.budget = 2, .refill = 0.5}, 1);
  for (int success = 0; success < 100; ++success) breaker.on_success(breaker.begin(kStart));
  for (int retry = 0; retry < 2; ++retry) breaker.on_failure(breaker.begin(kStart), kStart);
  for (int success = 0; success < 2; ++success) breaker.on_success(breaker.begin(kStart));
  breaker.on_failure(breaker.begin(kStart), kStart);
  EXPECT_EQ(breaker.state(), State::kClosed);
  breaker.on_failure(breaker.begin(kStart), kStart);
  EXPECT_EQ(breaker.state(), State::kOpen);
}

TEST(CircuitBreaker, LetsOneProbeOutAtATime) {
  auto breaker = make_open({.budget = 1});
  auto const due = *breaker.next_probe();
  EXPECT_EQ(breaker.begin(due), Permit::kProbe);
  EXPECT_EQ(breaker.state(), State::kHalfOpen);
  EXPECT_FALSE(breaker.next_probe());
  EXPECT_EQ(breaker.begin(due + 1h), Permit::kRefused);
}

TEST(CircuitBreaker, ProbeThatSucceedsClosesItWithAFullBudget) {
  auto breaker = make_open({.budget = 2});
  breaker.on_success(breaker.begin(*breaker.next_probe()));
  EXPECT_EQ(breaker.state(), State::kClosed);
  for (int retry = 0; retry < 2; ++retry) breaker.on_failure(breaker.begin(kStart), kStart);
  EXPECT_EQ(breaker.state(), State::kClosed);
}

TEST(CircuitBreaker, CooldownsGrowToTheirCapWithFullJitterAndBeginAnewAfterASuccess) {
  constexpr int kProbes = 8;
  std::vector<Clock::duration> longest(kProbes + 1);
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    auto breaker = make_open({.budget = 1}, seed);
    auto now = kStart;
    for (int probe = 0; probe < kProbes; ++probe) {
      auto const due = *breaker.next_probe();
      longest[probe] = std::max(longest[probe], due - now);
      now = due;
      breaker.on_failure(breaker.begin(now), now);
      ASSERT_EQ(breaker.state(), State::kOpen);
    }
    breaker.on_success(breaker.begin(*breaker.next_probe()));
    now = kStart;
    while (breaker.state() == State::kClosed) breaker.on_failure(breaker.begin(now), now);
    longest.back() = std::max(longest.back(), *breaker.next_probe() - now);
  }
  auto ceiling = 1'000ms;
  for (int probe = 0; probe < kProbes; ++probe) {
    EXPECT_LE(longest[probe], ceiling) << probe;
    EXPECT_GT(longest[probe], ceiling * 95 / 100) << probe;
    ceiling = std::min(ceiling * 2, 30'000ms);
  }
  EXPECT_LE(longest.back(), 1'000ms);
}

TEST(CircuitBreaker, AbandonedProbeIsFollowedByAnotherAtOnce) {
  auto breaker = make_open({.budget = 1});
  auto const due = *breaker.next_probe();
  breaker.on_abandoned(breaker.begin(due));
  EXPECT_EQ(breaker.next_probe(), due);
  EXPECT_EQ(breaker.begin(due), Permit::kProbe);
  EXPECT_EQ(breaker.begin(due), Permit::kRefused);
}

TEST(CircuitBreaker, EndsOfHandlingsFromBeforeChangeNothingWhileItIsNotClosed) {
  auto breaker = make_open({.budget = 1});
  auto const due = *breaker.next_probe();
  auto const end_old_ones = [&](Clock::time_point now) {
    breaker.on_failure(Permit::kGranted, now);
    breaker.on_success(Permit::kGranted);
    breaker.on_abandoned(Permit::kGranted);
  };
  end_old_ones(kStart + 1ms);
  EXPECT_EQ(breaker.state(), State::kOpen);
  EXPECT_EQ(breaker.next_probe(), due);
  EXPECT_EQ(breaker.begin(due), Permit::kProbe);
  end_old_ones(due);
  EXPECT_EQ(breaker.state(), State::kHalfOpen);
  EXPECT_EQ(breaker.begin(due + 1h), Permit::kRefused) << "the probe is still out";
}

TEST(CircuitBreaker, BudgetOfZeroSwitchesItOff) {
  CircuitBreaker breaker({.budget = 0}, 1);
  for (int i = 0; i < 10'000; ++i) breaker.on_failure(breaker.begin(kStart), kStart);
  EXPECT_EQ(breaker.begin(kStart), Permit::kGranted);
}

TEST(CircuitBreaker, WhenEverythingFailsItMakesTheBudgetOfRetriesAndOneProbePerCooldown) {
  constexpr int kWorkers = 16;
  CircuitBreaker breaker({.budget = 100}, 3);
  std::mt19937_64 random(11);
  std::vector<Permit> running;
  int granted = 0;
  int failed = 0;
  int probes = 0;
  auto now = kStart;
  for (auto const end = kStart + 10min; now < end; now += 1ms) {
    while (running.size() < kWorkers) {
      auto const permit = breaker.begin(now);
      if (permit == Permit::kRefused) break;
      ++(permit == Permit::kProbe ? probes : granted);
      running.push_back(permit);
    }
    ASSERT_LE(std::count(running.begin(), running.end(), Permit::kProbe), 1);
    for (std::size_t index = running.size(); index-- > 0;) {
      if (random() % 20 != 0) continue;
      if (running[index] == Permit::kGranted) ++failed;
      breaker.on_failure(running[index], now);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(index));
    }
  }
  EXPECT_EQ(failed, granted);
  EXPECT_LE(granted, 100 + kWorkers) << "beyond the budget only what ran already when it opened";
  EXPECT_GE(probes, 20);
  EXPECT_LE(probes, 80) << "after 31 s the cooldown is 15 s on average";
  EXPECT_NE(breaker.state(), State::kClosed);
  while (breaker.state() != State::kClosed) {
    now += 1s;
    auto const permit = breaker.begin(now);
    if (permit == Permit::kProbe) breaker.on_success(permit);
    for (auto const old : running) breaker.on_success(old);
    running.clear();
  }
  EXPECT_EQ(breaker.begin(now), Permit::kGranted);
}

TEST(CircuitBreaker, TenPercentThatFailFourTimesNeverOpenItWhateverBecomesOfThem) {
  for (bool const succeed_in_the_end : {true, false}) {
    CircuitBreaker breaker({}, 1);
    std::mt19937_64 random(13);
    for (int message = 0; message < 1'000'000; ++message) {
      bool const fails = random() % 10 == 0;
      for (int failure = 0; fails && failure < 4; ++failure) {
        auto const permit = breaker.begin(kStart);
        ASSERT_EQ(permit, Permit::kGranted) << message;
        breaker.on_failure(permit, kStart);
      }
      if (!fails || succeed_in_the_end) breaker.on_success(breaker.begin(kStart));
    }
    EXPECT_EQ(breaker.state(), State::kClosed);
  }
}

}  // namespace
}  // namespace fairlead
