#include "consume/admission.hpp"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using Permit = Admission::Permit;

constexpr Conclusion kSucceeded{Fate::kHandled, Verdict::kSuccess, Verdict::kNone};
constexpr Conclusion kFailed{Fate::kRetry, Verdict::kFailure, Verdict::kNone};
constexpr Conclusion kStoreAway{Fate::kLater, Verdict::kNone, Verdict::kFailure};
constexpr Conclusion kStoreAnswered{Fate::kDuplicate, Verdict::kNone, Verdict::kSuccess};
constexpr Conclusion kSaysNothing{Fate::kForeign, Verdict::kNone, Verdict::kNone};

class Admitting : public testing::Test {
 protected:
  Admitting() {
    config.circuit_breaker = {.budget = 3, .cooldown = 100ms, .max_cooldown = 1'000ms};
    config.rate_limit = {};
  }
  [[nodiscard]] Admission make() const { return {config, 7}; }
  void fail(Admission& admission, int times) const {
    for (int i = 0; i < times; ++i) admission.conclude(kFailed, {}, now);
  }
  /// Past every cooldown.
  void let_cool_down() { now += 1h; }

  SubscriptionConfig config;
  Admission::Clock::time_point now{1h};
};

TEST_F(Admitting, GrantsAllThatIsWantedWithoutLimits) {
  auto admission = make();
  auto const grant = admission.ask(64, now);
  EXPECT_EQ(grant.messages, 64U);
  EXPECT_FALSE(grant.permits.is_probe());
  EXPECT_EQ(admission.next(now), now);
  EXPECT_EQ(admission.state(), SubscriptionState::kRunning);
  EXPECT_FALSE(admission.holds_intake());
}

TEST_F(Admitting, GrantsTheBurstThenOneMessagePerTurnOfTheRate) {
  config.rate_limit.per_second = 10;
  config.rate_burst = 5;
  auto admission = make();
  EXPECT_EQ(admission.ask(64, now).messages, 5U);
  EXPECT_EQ(admission.ask(1, now).messages, 0U);
  ASSERT_TRUE(admission.next(now));
  EXPECT_EQ(*admission.next(now), now + 100ms);
  EXPECT_EQ(admission.ask(1, now + 99ms).messages, 0U);
  EXPECT_EQ(admission.ask(64, now + 100ms).messages, 1U);
  EXPECT_EQ(admission.ask(64, now + 1h).messages, 5U);
  EXPECT_FALSE(admission.holds_intake()) << "messages may wait for their turn here";
}

TEST_F(Admitting, BurstIsATenthOfASecondsWorthUnlessItIsSet) {
  config.rate_limit.per_second = 200;
  EXPECT_EQ(make().ask(64, now).messages, 20U);
  config.rate_limit.per_second = 2;
  EXPECT_EQ(make().ask(64, now).messages, 1U);
}

TEST_F(Admitting, MessagesThatWereNotBegunGiveTheirTurnsBack) {
  config.rate_limit.per_second = 10;
  config.rate_burst = 5;
  auto admission = make();
  auto const grant = admission.ask(5, now);
  admission.give_back(3, grant.permits);
  EXPECT_EQ(admission.ask(64, now).messages, 3U);
}

TEST_F(Admitting, PauseGrantsNothingUntilResume) {
  auto admission = make();
  admission.pause();
  EXPECT_EQ(admission.ask(1, now).messages, 0U);
  EXPECT_FALSE(admission.next(now)) << "time alone changes nothing";
  EXPECT_EQ(admission.state(), SubscriptionState::kPaused);
  EXPECT_TRUE(admission.holds_intake());
  EXPECT_FALSE(admission.needs_probe());
  admission.resume();
  EXPECT_EQ(admission.ask(1, now).messages, 1U);
}

TEST_F(Admitting, FailuresBeyondTheBudgetOpenTheCircuitAndOneProbeGoesPerCooldown) {
  auto admission = make();
  fail(admission, 3);
  EXPECT_EQ(admission.state(), SubscriptionState::kRunning);
  fail(admission, 1);
  EXPECT_EQ(admission.state(), SubscriptionState::kCircuitOpen);
  EXPECT_TRUE(admission.needs_probe());
  auto const first = admission.next(now);
  ASSERT_TRUE(first);
  EXPECT_LE(*first, now + 100ms);
  EXPECT_EQ(admission.ask(64, *first - 1ns).messages, 0U);
  now = *first;
  auto const probe = admission.ask(64, now);
  EXPECT_EQ(probe.messages, 1U);
  EXPECT_EQ(probe.permits.circuit, Permit::kProbe);
  EXPECT_EQ(admission.ask(64, now + 1h).messages, 0U) << "one probe is out";
  EXPECT_FALSE(admission.next(now));
  admission.conclude(kFailed, probe.permits, now);
  ASSERT_TRUE(admission.next(now));
  EXPECT_LE(*admission.next(now), now + 200ms);
  let_cool_down();
  auto const second = admission.ask(64, now);
  ASSERT_TRUE(second.permits.is_probe());
  admission.conclude(kSucceeded, second.permits, now);
  EXPECT_EQ(admission.state(), SubscriptionState::kRunning);
  EXPECT_EQ(admission.ask(64, now).messages, 64U);
}

TEST_F(Admitting, SuccessPaysForARetry) {
  auto admission = make();
  for (int i = 0; i < 100; ++i) {
    admission.conclude(kFailed, {}, now);
    admission.conclude(kSucceeded, {}, now);
  }
  EXPECT_EQ(admission.state(), SubscriptionState::kRunning);
}

TEST_F(Admitting, ProbeThatWasNotBegunOrSaysNothingIsFreeAgain) {
  auto admission = make();
  fail(admission, 4);
  let_cool_down();
  auto const unused = admission.ask(1, now);
  ASSERT_TRUE(unused.permits.is_probe());
  admission.give_back(1, unused.permits);
  auto const silent = admission.ask(1, now);
  ASSERT_TRUE(silent.permits.is_probe());
  admission.conclude(kSaysNothing, silent.permits, now);
  EXPECT_TRUE(admission.ask(1, now).permits.is_probe());
  EXPECT_EQ(admission.state(), SubscriptionState::kCircuitOpen);
}

TEST_F(Admitting, ProbeWithoutATurnOfTheRateIsFreeAgain) {
  config.rate_limit.per_second = 0.001;
  config.rate_burst = 1;
  auto admission = make();
  EXPECT_EQ(admission.ask(1, now).messages, 1U);
  fail(admission, 4);
  now += 1s;
  EXPECT_EQ(admission.ask(1, now).messages, 0U);
  ASSERT_TRUE(admission.next(now));
  now = *admission.next(now);
  EXPECT_TRUE(admission.ask(1, now).permits.is_probe());
}

TEST_F(Admitting, ProbeThatTakesTooLongHasFailedWhateverItSaysLater) {
  auto admission = make();
  fail(admission, 4);
  let_cool_down();
  auto permits = admission.ask(1, now).permits;
  ASSERT_TRUE(permits.is_probe());
  admission.give_up_probe(permits, now);
  EXPECT_FALSE(permits.is_probe());
  ASSERT_TRUE(admission.next(now)) << "another one may go after the cooldown";
  admission.conclude(kSucceeded, permits, now);
  EXPECT_EQ(admission.state(), SubscriptionState::kCircuitOpen);
  let_cool_down();
  EXPECT_TRUE(admission.ask(1, now).permits.is_probe());
}

TEST_F(Admitting, OverrunOfAMessageThatIsNoProbeChangesNothing) {
  auto admission = make();
  auto permits = admission.ask(1, now).permits;
  for (int i = 0; i < 10; ++i) admission.give_up_probe(permits, now);
  EXPECT_EQ(admission.state(), SubscriptionState::kRunning);
}

TEST_F(Admitting, StoreThatIsAwayHoldsEverythingButProbes) {
  config.idempotency.on_outage = OnOutage::kPause;
  auto admission = make();
  admission.conclude(kStoreAway, {}, now);
  admission.conclude(kStoreAway, {}, now);
  EXPECT_EQ(admission.state(), SubscriptionState::kStoreUnavailable);
  EXPECT_TRUE(admission.needs_probe());
  ASSERT_TRUE(admission.next(now));
  EXPECT_LE(*admission.next(now), now + 100ms);
  let_cool_down();
  auto const probe = admission.ask(64, now);
  EXPECT_EQ(probe.messages, 1U);
  EXPECT_EQ(probe.permits.store, Permit::kProbe);
  EXPECT_EQ(probe.permits.circuit, Permit::kGranted);
  EXPECT_EQ(admission.ask(64, now).messages, 0U);
  admission.conclude(kStoreAnswered, probe.permits, now);
  EXPECT_EQ(admission.state(), SubscriptionState::kRunning);
  EXPECT_EQ(admission.ask(64, now).messages, 64U);
}

TEST_F(Admitting, StoreThatAnswersAProbeIsBackBeforeTheHandlerHasReturned) {
  auto admission = make();
  admission.conclude(kStoreAway, {}, now);
  admission.conclude(kStoreAway, {}, now);
  let_cool_down();
  auto const probe = admission.ask(64, now);
  admission.store_answered();
  EXPECT_EQ(admission.state(), SubscriptionState::kRunning);
  EXPECT_EQ(admission.ask(64, now).messages, 64U);
  admission.conclude({Fate::kHandled, Verdict::kSuccess, Verdict::kSuccess}, probe.permits, now);
  EXPECT_EQ(admission.ask(64, now).messages, 64U);
}

TEST_F(Admitting, StoreThatMayBeDoneWithoutIsSkippedWhileItIsAway) {
  config.idempotency.on_outage = OnOutage::kPass;
  auto admission = make();
  admission.conclude(kStoreAway, {}, now);
  admission.conclude(kStoreAway, {}, now);
  EXPECT_EQ(admission.state(), SubscriptionState::kRunning);
  EXPECT_FALSE(admission.holds_intake());
  EXPECT_EQ(admission.next(now), now);
  let_cool_down();
  auto const probe = admission.ask(64, now);
  EXPECT_EQ(probe.messages, 1U);
  EXPECT_EQ(probe.permits.store, Permit::kProbe);
  auto const others = admission.ask(64, now);
  EXPECT_EQ(others.messages, 64U);
  EXPECT_EQ(others.permits.store, Permit::kRefused);
}

TEST_F(Admitting, ProbeOfTheCircuitIsNotUsedUpWhileTheStoreIsAway) {
  auto admission = make();
  fail(admission, 4);
  admission.conclude(kStoreAway, {}, now);
  admission.conclude(kStoreAway, {}, now);
  let_cool_down();
  auto const both = admission.ask(1, now);
  EXPECT_EQ(both.permits.circuit, Permit::kProbe);
  EXPECT_EQ(both.permits.store, Permit::kProbe);
  admission.conclude(kStoreAway, both.permits, now);
  EXPECT_EQ(admission.ask(1, now - 1ns).messages, 0U) << "the store cools down";
  let_cool_down();
  EXPECT_EQ(admission.ask(1, now).permits.circuit, Permit::kProbe);
}

TEST_F(Admitting, LiftedItGrantsEverything) {
  config.rate_limit.per_second = 0.001;
  config.rate_burst = 1;
  auto admission = make();
  fail(admission, 4);
  admission.conclude(kStoreAway, {}, now);
  admission.pause();
  admission.lift();
  EXPECT_EQ(admission.ask(64, now).messages, 64U);
  EXPECT_EQ(admission.next(now), now);
  EXPECT_FALSE(admission.holds_intake());
  EXPECT_FALSE(admission.is_paused());
}

TEST_F(Admitting, BudgetOfZeroSwitchesTheCircuitBreakerOff) {
  config.circuit_breaker.budget = 0;
  auto admission = make();
  fail(admission, 1'000);
  EXPECT_EQ(admission.state(), SubscriptionState::kRunning);
}

}  // namespace
}  // namespace fairlead
