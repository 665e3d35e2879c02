#include "conformance/conformance.hpp"

#include <atomic>

// Holding a subscription up, by hand or by its circuit breaker, without losing anything.
namespace fairlead::conformance {
namespace {

using Control = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Control, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Control, NothingBeginsWhilePausedAndNothingIsLost) {
  Recorder recorder;
  Recorder shipping_seen;
  auto configuration = config();
  add_group(configuration, "shipping");
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto shipping = broker->subscribe("shipping", shipping_seen.handler()).value();
  publish(*broker, "before");
  ASSERT_TRUE(eventually([&] { return recorder.finished() == 1; }));

  billing.pause();
  EXPECT_EQ(billing.health().state, SubscriptionState::kPaused);
  auto const messages = numbered("m", 300);
  publish(*broker, messages);
  ASSERT_TRUE(eventually([&] { return shipping_seen.finished() == 301; })) << "the messages are out";
  EXPECT_EQ(recorder.begun(), 1U);

  billing.resume();
  ASSERT_TRUE(eventually([&] { return recorder.finished() >= 301; })) << recorder.finished();
  EXPECT_EQ(billing.health().state, SubscriptionState::kRunning);
  ASSERT_TRUE(broker->drain(kPatience));
  auto expected = payloads_of(messages);
  expected.insert(expected.begin(), "before");
  EXPECT_EQ(recorder.payloads(), expected);
}

TEST_P(Control, PauseLetsRunningHandlersFinishAndHoldsWhatWasTakenIn) {
  Recorder recorder;
  Gate gate;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler_behind(gate)).value();
  publish(*broker, numbered("m", 50));
  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1 && billing.stats().received == 50; }));

  billing.pause();
  gate.open();
  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 1; })) << "the one that ran";
  EXPECT_EQ(recorder.begun(), 1U);
  EXPECT_EQ(billing.stats().in_flight, 49U);

  billing.resume();
  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 50; })) << billing.stats().handled;
  EXPECT_EQ(recorder.begun(), 50U);
}

TEST_P(Control, PausedMemberCanBeStoppedAndTheNextGoesOn) {
  Recorder before;
  Recorder after;
  auto broker = open(config());
  auto paused = broker->subscribe("billing", before.handler()).value();
  publish(*broker, "before");
  ASSERT_TRUE(eventually([&] { return paused.stats().handled == 1; }));
  paused.pause();
  publish(*broker, numbered("m", 20));

  ASSERT_TRUE(paused.stop(kPatience));
  auto const handled_by_the_paused = before.begun();
  auto next = broker->subscribe("billing", after.handler()).value();

  ASSERT_TRUE(eventually([&] { return before.finished() + after.finished() >= 21; }));
  ASSERT_TRUE(next.stop(kPatience));
  EXPECT_EQ(before.begun(), handled_by_the_paused);
  EXPECT_EQ(before.begun() + after.begun(), 21U);
}

class Breaker : public Conformance {
 protected:
  [[nodiscard]] Config config_with_breaker() const {
    auto configuration = config();
    auto& billing = billing_of(configuration);
    billing.concurrency = 8;
    billing.max_in_flight = 100;
    billing.retry.max_attempts = 1'000;
    billing.circuit_breaker = {.budget = 20, .cooldown = 20ms, .max_cooldown = 100ms};
    return configuration;
  }
  [[nodiscard]] static std::vector<Message> over_keys(int count) {
    std::vector<Message> messages;
    for (int index = 0; index < count; ++index) {
      messages.push_back({.payload = std::to_string(index), .key = "key-" + std::to_string(index % 50)});
    }
    return messages;
  }
};
INSTANTIATE_TEST_SUITE_P(On, Breaker, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Breaker, OpensWhenEverythingFailsStopsIntakeProbesAndRecoversWithoutLoss) {
  constexpr std::size_t kMessages = 1'000;
  Recorder recorder;
  std::atomic<bool> is_down{true};
  std::atomic<int> running{0};
  std::atomic<int> most_while_open{0};
  std::atomic<bool> watch_probes{false};
  auto broker = open(config_with_breaker());
  auto billing = broker
                     ->subscribe("billing", recorder.handler([&](Seen const&) {
                       int const now = ++running;
                       if (watch_probes && is_down && now > most_while_open) most_while_open = now;
                       bool const fails = is_down;
                       --running;
                       return fails ? retry("the ledger is down") : ack();
                     }))
                     .value();

  publish(*broker, over_keys(kMessages));
  ASSERT_TRUE(eventually([&] { return billing.health().state == SubscriptionState::kCircuitOpen; }));
  EXPECT_FALSE(billing.health().is_healthy());
  ASSERT_TRUE(eventually([&] { return running == 0; }));
  watch_probes = true;

  auto const begun_when_open = recorder.begun();
  ASSERT_TRUE(eventually([&] { return recorder.begun() >= begun_when_open + 5; })) << "no probe begins";
  EXPECT_EQ(billing.health().state, SubscriptionState::kCircuitOpen) << "probes that fail keep it open";
  EXPECT_LE(most_while_open, 1) << "one probe at a time";
  EXPECT_LE(billing.stats().received, 100U) << "intake goes on";
  EXPECT_EQ(billing.stats().handled + billing.stats().dead_lettered, 0U);

  is_down = false;
  ASSERT_TRUE(eventually([&] { return billing.stats().handled == kMessages; })) << billing.stats().handled;
  EXPECT_EQ(billing.health().state, SubscriptionState::kRunning);
  EXPECT_EQ(recorder.distinct_payloads().size(), kMessages);
  EXPECT_EQ(billing.stats().dead_lettered, 0U);
}

TEST_P(Breaker, OpenCircuitDoesNotHoldUpTheEnd) {
  Recorder before;
  Recorder after;
  auto const configuration = config_with_breaker();
  {
    auto broker = open(configuration);
    auto billing = broker->subscribe("billing", before.handler([](Seen const&) { return retry("down"); })).value();
    publish(*broker, over_keys(200));
    ASSERT_TRUE(eventually([&] { return billing.health().state == SubscriptionState::kCircuitOpen; }));
    EXPECT_TRUE(broker->close(kPatience));
    EXPECT_EQ(billing.stats().handled + billing.stats().dead_lettered, 0U);
  }
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", after.handler()).value();

  ASSERT_TRUE(eventually([&] { return after.finished() >= 200; })) << after.finished();
  EXPECT_EQ(after.distinct_payloads().size(), 200U);
}

TEST_P(Breaker, SingleMessagesThatFailDoNotOpenIt) {
  Recorder recorder;
  auto configuration = config_with_breaker();
  billing_of(configuration).retry.max_attempts = 3;
  read_dead_letters(configuration);
  Recorder dead;
  auto broker = open(configuration);
  std::atomic<bool> opened{false};
  auto billing = broker
                     ->subscribe("billing", recorder.handler([&](Seen const& message) {
                       bool const is_poison = std::stoi(message.payload) % 20 == 19;
                       return is_poison ? retry("poison") : ack();
                     }))
                     .value();
  auto inspection = broker->subscribe("inspection", dead.handler()).value();

  publish(*broker, over_keys(1'000));

  ASSERT_TRUE(eventually([&] {
    if (billing.health().state == SubscriptionState::kCircuitOpen) opened = true;
    return dead.finished() == 50 && billing.stats().handled == 950;
  })) << dead.finished()
      << " dead, " << billing.stats().handled << " handled";
  EXPECT_FALSE(opened);
}

}  // namespace
}  // namespace fairlead::conformance
