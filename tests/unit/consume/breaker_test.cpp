#include "subscription_rig.hpp"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gate;
using test::SubscriptionRig;
using Clock = std::chrono::steady_clock;

constexpr int kBudget = 10;

SubscriptionRig::Options with_breaker(std::chrono::milliseconds cooldown, int concurrency = 4) {
  SubscriptionRig::Options options;
  options.config.concurrency = concurrency;
  options.config.retry = {.max_attempts = 1'000, .initial = 1ms, .max = 2ms, .multiplier = 1.0};
  options.config.circuit_breaker = {.budget = kBudget, .cooldown = cooldown, .max_cooldown = cooldown};
  return options;
}

bool is_open(SubscriptionRig const& rig) { return rig.health().state == SubscriptionState::kCircuitOpen; }

void deliver_each_for_itself(SubscriptionRig& rig, int count) {
  for (int i = 0; i < count; ++i) rig.deliver_keys({"k" + std::to_string(i)});
}

TEST(Breaker, BoundsTheHandlingsWhileEverythingFails) {
  std::atomic<int> handlings{0};
  // Probes are an hour apart, but for jitter.
  SubscriptionRig rig(with_breaker(1h), [&](Delivery const&) {
    ++handlings;
    return retry("down");
  });
  rig.deliver(std::vector<SubscriptionRig::Parts>(500));
  ASSERT_TRUE(eventually([&] { return is_open(rig); }));
  EXPECT_FALSE(rig.health().is_healthy());
  EXPECT_FALSE(rig.intake().room()) << "intake waits too";
  Gate const never;
  EXPECT_FALSE(never.wait(50ms));
  // The budget, and what four workers had taken in batches of at most 64 when it ran dry.
  EXPECT_LE(handlings, kBudget + 4 * 64 + 1);
  ASSERT_TRUE(eventually([&] { return !rig.logger->records("subscription").empty(); }));
  auto const records = rig.logger->records("subscription");
  EXPECT_EQ(records[0].level, LogLevel::kWarn);
  EXPECT_EQ(records[0].fields.at("state"), "circuit_open");
}

TEST(Breaker, ProbesFindOutWhenItMayGoOn) {
  std::atomic<bool> is_down{true};
  SubscriptionRig rig(with_breaker(10ms), [&](Delivery const&) { return is_down ? retry("down") : ack(); });
  deliver_each_for_itself(rig, 50);
  ASSERT_TRUE(eventually([&] { return is_open(rig); }));
  EXPECT_FALSE(rig.intake().room());
  ASSERT_TRUE(eventually([&] { return rig.logger->records("subscription").size() == 1; }));
  is_down = false;
  ASSERT_TRUE(eventually([&] { return rig.settled() == 50; }));
  EXPECT_EQ(rig.health().state, SubscriptionState::kRunning);
  EXPECT_TRUE(eventually([&] { return rig.journal->room_calls > 0; })) << "the source is called again";
  EXPECT_TRUE(eventually([&] { return rig.logger->records("subscription").size() == 2; }));
}

TEST(Breaker, IsProbedWithANewMessageWhenNothingIsLeftThatCouldProbeIt) {
  std::atomic<bool> is_down{true};
  auto options = with_breaker(1ms);
  options.config.retry.max_attempts = 3;
  options.config.dead_letter = false;
  SubscriptionRig rig(options, [&](Delivery const&) { return is_down ? retry("down") : ack(); });
  bool was_held = false;
  for (int i = 0; !was_held && i < 1'000; ++i) {
    rig.deliver_keys({"k" + std::to_string(i)});
    was_held = !rig.intake().room();
  }
  ASSERT_TRUE(was_held);
  ASSERT_TRUE(eventually([&] { return rig.stats().in_flight == 0; })) << "all are given up";
  ASSERT_TRUE(is_open(rig));
  EXPECT_TRUE(eventually([&] { return rig.journal->room_calls > 0; }));
  EXPECT_EQ(rig.intake().room().messages, 1U);
  is_down = false;
  rig.deliver_keys({"next"});
  EXPECT_TRUE(eventually([&] { return rig.health().state == SubscriptionState::kRunning; }));
}

TEST(Breaker, IsNotOpenedByTenPercentOfPoison) {
  auto options = with_breaker(1h);
  options.config.retry.max_attempts = 5;
  options.config.circuit_breaker.budget = 100;
  SubscriptionRig rig(
      options, [](Delivery const& delivery) { return delivery.payload() == "poison" ? retry("poison") : ack(); });
  // Of 200 messages 20 fail, four retries each: what succeeds meanwhile pays for them, whatever comes first.
  for (std::int64_t round = 1; round <= 10; ++round) {
    std::vector<SubscriptionRig::Parts> messages(200);
    for (std::size_t i = 9; i < messages.size(); i += 10) messages[i].payload = "poison";
    rig.deliver(messages);
    ASSERT_TRUE(eventually([&] { return rig.settled() == round * 200; })) << round;
  }
  EXPECT_EQ(rig.stats().dropped, 200U);
  EXPECT_TRUE(rig.logger->records("subscription").empty()) << "it was never open";
}

TEST(Breaker, ProbeThatNeverReturnsIsGivenUpForAnother) {
  std::atomic<bool> is_down{true};
  std::atomic<bool> sticks{false};
  std::atomic<bool> is_stuck{false};
  Gate gate;
  auto options = with_breaker(1ms, 2);
  options.config.timeout = 20ms;
  SubscriptionRig rig(options, [&, gate](Delivery const&) {
    if (sticks.exchange(false)) {
      is_stuck = true;
      gate.wait();
    }
    return is_down ? retry("down") : ack();
  });
  deliver_each_for_itself(rig, 30);
  ASSERT_TRUE(eventually([&] { return is_open(rig); }));
  sticks = true;
  ASSERT_TRUE(eventually([&] { return is_stuck && rig.health().stuck_handlers == 1; }));
  is_down = false;
  EXPECT_TRUE(eventually([&] { return rig.stats().handled == 29; }, 20s));
  gate.open();
  EXPECT_TRUE(eventually([&] { return rig.settled() == 30; }));
}

TEST(Breaker, DrainIsNotHeldUpByIt) {
  SubscriptionRig rig(with_breaker(1h), [](Delivery const&) { return retry("down"); });
  deliver_each_for_itself(rig, 50);
  ASSERT_TRUE(eventually([&] { return is_open(rig); }));
  EXPECT_TRUE(rig.core->drain(test::in(30s)));
  EXPECT_EQ(rig.buffers(), 0);
}

TEST(RateLimit, SpacesWhatBegins) {
  SubscriptionRig::Options options;
  options.config.concurrency = 4;
  options.config.rate_limit.per_second = 200;
  options.config.rate_burst = 1;
  std::mutex mutex;
  std::vector<Clock::time_point> begun;
  SubscriptionRig rig(options, [&](Delivery const&) {
    std::lock_guard const lock(mutex);
    begun.push_back(Clock::now());
    return ack();
  });
  auto const start = Clock::now();
  rig.deliver(std::vector<SubscriptionRig::Parts>(20));
  ASSERT_TRUE(eventually([&] { return rig.settled() == 20; }));
  ASSERT_EQ(begun.size(), 20U);
  // The first may begin at once, each of the others 5 ms later.
  EXPECT_GE(*std::max_element(begun.begin(), begun.end()) - start, 19 * 5ms);
  EXPECT_TRUE(rig.health().is_healthy()) << "a limit is no failure";
}

TEST(RateLimit, DoesNotHoldUpADrain) {
  SubscriptionRig::Options options;
  options.config.concurrency = 2;
  options.config.rate_limit.per_second = 0.001;
  options.config.rate_burst = 2;
  Gate gate;
  std::atomic<int> begun{0};
  SubscriptionRig rig(options, [&, gate](Delivery const& delivery) {
    ++begun;
    if (delivery.payload() == "slow") gate.wait();
    return ack();
  });
  rig.deliver({{.key = "a", .payload = "slow"}, {.key = "a"}, {.key = "b"}});
  ASSERT_TRUE(eventually([&] { return rig.stats().handled == 1; }));
  gate.open();
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(begun, 2) << "the burst";
  EXPECT_TRUE(rig.core->drain(test::in(30s)));
  EXPECT_EQ(rig.settled(), 3) << "what lies before a handled message is handled still";
}

}  // namespace
}  // namespace fairlead
