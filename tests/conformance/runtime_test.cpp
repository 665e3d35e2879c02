#include "conformance/conformance.hpp"

#include <algorithm>
#include <mutex>
#include <stop_token>
#include <thread>

// Workers, time and rate: what runs at once, for how long, and how much of it begins.
namespace fairlead::conformance {
namespace {

using Runtime = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Runtime, testing::ValuesIn(brokers_under_test()), name_of);

/// One message for each of `keys` keys.
std::vector<Message> one_for_each(int keys) {
  std::vector<Message> messages;
  for (int key = 0; key < keys; ++key) {
    messages.push_back({.payload = "m" + std::to_string(key), .key = "key-" + std::to_string(key)});
  }
  return messages;
}

TEST_P(Runtime, AllWorkersRunAtOnceAndNeverMore) {
  Recorder recorder;
  Gate gate;
  auto configuration = config();
  billing_of(configuration).concurrency = 16;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler_behind(gate)).value();

  publish(*broker, one_for_each(100));

  ASSERT_TRUE(eventually([&] { return recorder.begun() == 16; })) << recorder.begun();
  gate.open();
  ASSERT_TRUE(eventually([&] { return recorder.finished() == 100; }));
  EXPECT_EQ(recorder.most_at_once(), 16U);
}

TEST_P(Runtime, AKeyWithManyMessagesStarvesNoOther) {
  constexpr std::size_t kHot = 900;
  constexpr std::size_t kOthers = 50;
  Recorder recorder;
  Gate all_are_here;
  auto broker = open(config());
  auto billing = broker
                     ->subscribe("billing", recorder.handler([all_are_here](Seen const&) {
                       all_are_here.wait();
                       std::this_thread::sleep_for(200us);  // not so quick that its worker takes many at once
                       return ack();
                     }))
                     .value();

  publish(*broker, numbered("hot", kHot, "hot"));
  publish(*broker, one_for_each(kOthers));
  ASSERT_TRUE(eventually([&] { return billing.stats().received == kHot + kOthers; })) << billing.stats().received;
  all_are_here.open();

  ASSERT_TRUE(eventually([&] { return recorder.finished() == kHot + kOthers; })) << recorder.finished();
  auto const seen = recorder.seen();
  auto const last_other =
      std::find_if(seen.rbegin(), seen.rend(), [](Seen const& message) { return message.key != "hot"; });
  auto const behind_them = static_cast<std::size_t>(last_other - seen.rbegin());
  EXPECT_GT(behind_them, kHot / 2) << "the others had to wait for most of the hot key";
}

TEST_P(Runtime, HandlerKnowsItsDeadlineAndIsAskedToStopAfterIt) {
  constexpr auto kTimeout = 200ms;
  struct {
    std::mutex mutex;
    std::chrono::steady_clock::time_point began, deadline, asked;
  } first;
  auto configuration = config();
  billing_of(configuration).timeout = kTimeout;
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing",
                                 [&](Delivery const& delivery) {
                                   if (delivery.attempt() > 1) return ack();
                                   auto const began = std::chrono::steady_clock::now();
                                   Gate asked;
                                   std::stop_callback const on_stop(delivery.stop_token(), [asked] { asked.open(); });
                                   EXPECT_TRUE(asked.wait());
                                   std::lock_guard const lock(first.mutex);
                                   first.began = began;
                                   first.deadline = delivery.deadline();
                                   first.asked = std::chrono::steady_clock::now();
                                   return ack();
                                 })
                     .value();

  publish(*broker, "m");

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 1; }));
  EXPECT_EQ(billing.stats().retried, 1U) << "an ack past the timeout is no success";
  EXPECT_EQ(billing.stats().overrun, 1U);
  std::lock_guard const lock(first.mutex);
  EXPECT_LE(first.deadline, first.began + kTimeout);
  EXPECT_GT(first.deadline, first.began) << "it begins with time left";
  EXPECT_GE(first.asked, first.deadline);
}

TEST_P(Runtime, NextMessageAfterATimeoutIsNotAskedToStop) {
  Recorder recorder;
  auto configuration = config();
  billing_of(configuration).timeout = 100ms;
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing",
                                 [&, inner = recorder.handler()](Delivery const& delivery) {
                                   if (delivery.payload() == "slow" && delivery.attempt() == 1) {
                                     (void)eventually([&] { return delivery.stop_token().stop_requested(); });
                                   } else {
                                     EXPECT_FALSE(delivery.stop_token().stop_requested()) << delivery.payload();
                                   }
                                   return inner(delivery);
                                 })
                     .value();

  publish(*broker, "slow");
  publish(*broker, numbered("m", 20));

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 21; })) << billing.stats().handled;
  EXPECT_EQ(billing.stats().overrun, 1U);
}

TEST_P(Runtime, HandlerThatNeverReturnsStopsNoOtherKeyAndShowsInHealth) {
  Recorder recorder;
  Gate gate;
  auto configuration = config();
  billing_of(configuration).concurrency = 2;
  billing_of(configuration).timeout = 200ms;
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing", recorder.handler([gate](Seen const& message) {
                       if (message.key == "stuck" && message.attempt == 1) gate.wait();
                       return ack();
                     }))
                     .value();
  EXPECT_TRUE(billing.health().is_healthy());

  publish(*broker, "never returns", "stuck");
  publish(*broker, "behind it", "stuck");
  publish(*broker, one_for_each(200));

  ASSERT_TRUE(eventually([&] { return recorder.finished() == 200; })) << recorder.finished();
  ASSERT_TRUE(eventually([&] { return billing.health().stuck_handlers == 1; }));
  EXPECT_FALSE(billing.health().is_healthy());
  EXPECT_EQ(billing.stats().overrun, 1U);
  EXPECT_FALSE(recorder.has("behind it"));
  publish(*broker, numbered("later", 20, "another"));
  EXPECT_TRUE(eventually([&] { return recorder.finished() == 220; })) << "the stuck handler took its member down";

  gate.open();
  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 222; })) << billing.stats().handled;
  EXPECT_TRUE(billing.health().is_healthy());
}

TEST_P(Runtime, RateLimitBoundsHowManyBegin) {
  constexpr int kMessages = 80;
  constexpr double kRate = 100;
  constexpr int kBurst = 5;
  std::mutex mutex;
  std::vector<std::chrono::steady_clock::time_point> begun;
  auto configuration = config();
  billing_of(configuration).concurrency = 4;
  billing_of(configuration).rate_limit = {kRate};
  billing_of(configuration).rate_burst = kBurst;
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing",
                                 [&](Delivery const&) {
                                   std::lock_guard const lock(mutex);
                                   begun.push_back(std::chrono::steady_clock::now());
                                   something_changed();
                                   return ack();
                                 })
                     .value();

  publish(*broker, one_for_each(kMessages));

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == kMessages; })) << billing.stats().handled;
  std::lock_guard const lock(mutex);
  ASSERT_EQ(begun.size(), static_cast<std::size_t>(kMessages));
  std::chrono::duration<double> const took = begun.back() - begun.front();
  // The first stands for the burst's first token, and a token may be on its way to a thread that is woken late.
  EXPECT_GE(took.count(), (kMessages - kBurst - 1) / kRate);
}

}  // namespace
}  // namespace fairlead::conformance
