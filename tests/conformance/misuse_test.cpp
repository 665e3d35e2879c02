#include "conformance/conformance.hpp"

#include <functional>
#include <limits>
#include <utility>

// Calls and settings that cannot work have an answer instead of an effect.
namespace fairlead::conformance {
namespace {

using Misuse = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Misuse, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Misuse, ImpossibleSettingsAreRefusedByTheirName) {
  using Change = std::function<void(SubscriptionConfig&)>;
  std::vector<std::pair<std::string, Change>> const changes{
      {"concurrency", [](auto& s) { s.concurrency = 0; }},
      {"concurrency", [](auto& s) { s.concurrency = -1; }},
      {"max_in_flight", [](auto& s) { s.max_in_flight = 0; }},
      {"max_in_flight_bytes", [](auto& s) { s.max_in_flight_bytes = 0; }},
      {"rate_limit", [](auto& s) { s.rate_limit = {-1}; }},
      {"rate_limit", [](auto& s) { s.rate_limit = {std::numeric_limits<double>::quiet_NaN()}; }},
      {"rate_burst", [](auto& s) { s.rate_burst = -1; }},
      {"timeout", [](auto& s) { s.timeout = 0ms; }},
      {"timeout", [](auto& s) { s.timeout = -1ms; }},
      {"retry.max_attempts", [](auto& s) { s.retry.max_attempts = 0; }},
      {"retry.multiplier", [](auto& s) { s.retry.multiplier = 0.5; }},
      {"retry.tiers",
       [](auto& s) {
         s.retry.tiers = {2s, 1s};
       }},
      {"retry.tiers",
       [](auto& s) {
         s.retry.tiers = {1s, 1s};
       }},
      {"retry.tiers", [](auto& s) { s.retry.tiers = {-1s}; }},
      {"retry.tiers",
       [](auto& s) {
         s.retry.max_attempts = 2;
         s.retry.tiers = {1s, 2s};
       }},
      {"circuit_breaker.budget", [](auto& s) { s.circuit_breaker.budget = -1; }},
      {"circuit_breaker.max_cooldown", [](auto& s) { s.circuit_breaker.max_cooldown = 1ms; }},
      {"batch.messages", [](auto& s) { s.batch.messages = 0; }},
      {"settle.messages", [](auto& s) { s.settle.messages = 0; }},
      {"idempotency.store", [](auto& s) { s.idempotency.store = "cassandra://somewhere"; }},
      {"idempotency.lease", [](auto& s) { s.idempotency.lease = s.timeout; }},
  };
  for (auto const& [setting, change] : changes) {
    auto configuration = config();
    change(billing_of(configuration));
    auto const opened = Broker::open(configuration);
    ASSERT_FALSE(opened) << setting;
    EXPECT_EQ(opened.error().code, Errc::kInvalidConfig) << setting;
    EXPECT_NE(opened.error().message.find("subscriptions.billing." + setting + ":"), std::string::npos)
        << opened.error().message;
  }
}

TEST_P(Misuse, StopDrainCloseAndSeekFromInsideABatchHandlerAreRefused) {
  std::optional<Subscription> billing;
  Gate subscribed;
  std::vector<Errc> answers;
  auto broker = open(config());
  billing =
      broker
          ->subscribe_batch("billing",
                            [&](DeliveryBatch const& batch) {
                              subscribed.wait();
                              if (answers.empty()) {
                                for (auto const& result : {broker->drain(1s), broker->close(1s), billing->stop(1s),
                                                           billing->seek(SeekTarget::to_earliest(), 1s)}) {
                                  answers.push_back(result ? Errc::kInternal : result.error().code);
                                }
                              }
                              return std::vector<Outcome>(batch.size());
                            })
          .value();
  subscribed.open();

  publish(*broker, "m");

  ASSERT_TRUE(eventually([&] { return billing->stats().handled == 1; }));
  EXPECT_EQ(answers, (std::vector<Errc>(4, Errc::kInvalidArgument)));
  publish(*broker, "n");
  EXPECT_TRUE(eventually([&] { return billing->stats().handled == 2; })) << "the subscription did not go on";
}

TEST_P(Misuse, SeekFromInsideAHandlerIsRefused) {
  std::optional<Subscription> billing;
  Gate subscribed;
  std::optional<Errc> answer;
  auto broker = open(config());
  billing = broker
                ->subscribe("billing",
                            [&](Delivery const&) {
                              subscribed.wait();
                              auto const sought = billing->seek(SeekTarget::to_earliest(), 1s);
                              answer = sought ? Errc::kInternal : sought.error().code;
                              return ack();
                            })
                .value();
  subscribed.open();

  publish(*broker, "m");

  ASSERT_TRUE(eventually([&] { return billing->stats().handled == 1; }));
  EXPECT_EQ(answer, Errc::kInvalidArgument);
}

TEST_P(Misuse, PauseAndResumeFromInsideAHandlerWork) {
  Recorder recorder;
  std::optional<Subscription> billing;
  Gate subscribed;
  auto broker = open(config());
  billing = broker
                ->subscribe("billing", recorder.handler([&](Seen const& message) {
                  subscribed.wait();
                  if (message.payload == "m0") billing->pause();
                  return ack();
                }))
                .value();
  publish(*broker, numbered("m", 20));
  subscribed.open();

  ASSERT_TRUE(eventually([&] { return billing->health().state == SubscriptionState::kPaused; }));
  billing->resume();

  EXPECT_TRUE(eventually([&] { return recorder.finished() == 20; })) << recorder.finished();
  EXPECT_EQ(recorder.payloads(), payloads_of(numbered("m", 20)));
}

TEST_P(Misuse, EmptyHandlersAreRefused) {
  auto broker = open(config());
  auto const without_handler = broker->subscribe("billing", Handler());
  auto const without_batch_handler = broker->subscribe_batch("billing", BatchHandler());
  ASSERT_FALSE(without_handler);
  EXPECT_EQ(without_handler.error().code, Errc::kInvalidArgument);
  ASSERT_FALSE(without_batch_handler);
  EXPECT_EQ(without_batch_handler.error().code, Errc::kInvalidArgument);
}

}  // namespace
}  // namespace fairlead::conformance
