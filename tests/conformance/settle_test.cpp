#include "conformance/conformance.hpp"

#include <stdexcept>

// What happens to a message after its handler: handled again, settled, or given back to the broker.
namespace fairlead::conformance {
namespace {

using Settling = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Settling, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Settling, FailedMessageIsHandledAgainAsTheNextAttempt) {
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker
                     ->subscribe("billing", recorder.handler([](Seen const& message) {
                       return message.attempt < 3 ? retry("not yet") : ack();
                     }))
                     .value();

  publish(*broker, "m");

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 1; }));
  auto const seen = recorder.seen();
  ASSERT_EQ(seen.size(), 3U);
  for (std::uint32_t index = 0; index < 3; ++index) {
    EXPECT_EQ(seen[index].attempt, index + 1);
    EXPECT_EQ(seen[index].payload, "m");
    EXPECT_EQ(seen[index].id, seen[0].id);
  }
}

TEST_P(Settling, ThrowingHandlerCountsAsRetry) {
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker
                     ->subscribe("billing", recorder.handler([](Seen const& message) -> Outcome {
                       if (message.attempt == 1) throw std::runtime_error("card declined");
                       if (message.attempt == 2) throw 42;
                       return ack();
                     }))
                     .value();

  publish(*broker, "m");

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 1; }));
  EXPECT_EQ(recorder.begun(), 3U);
  EXPECT_EQ(billing.stats().retried, 2U);
}

TEST_P(Settling, RetryAfterWaitsAtLeastThatLong) {
  Recorder recorder;
  Stopwatch watch;
  std::chrono::milliseconds second_began{0};
  auto broker = open(config());
  auto billing = broker
                     ->subscribe("billing", recorder.handler([&](Seen const& message) {
                       if (message.attempt == 1) {
                         watch = Stopwatch();
                         return retry(400ms, "come back");
                       }
                       second_began = watch.elapsed();
                       return ack();
                     }))
                     .value();

  publish(*broker, "m");

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 1; }));
  EXPECT_GE(second_began, 400ms);
  EXPECT_LT(second_began, 400ms + kSlack);
}

TEST_P(Settling, RetryingMessageDoesNotHoldBackOtherKeys) {
  Recorder recorder;
  auto configuration = config();
  billing_of(configuration).retry.max_attempts = 100'000;
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing", recorder.handler([&](Seen const& message) {
                       bool const waits = message.key == "a" && recorder.finished() < 20;
                       return waits ? retry(20ms, "the others first") : ack();
                     }))
                     .value();

  publish(*broker, "first", "a");
  publish(*broker, numbered("m", 19, "b"));

  ASSERT_TRUE(eventually([&] { return recorder.distinct_payloads().size() == 20; }));
}

TEST_P(Settling, GroupContinuesWhereItStopped) {
  Recorder before;
  Recorder after;
  auto configuration = config();
  auto const first_half = numbered("first", 50);
  auto const second_half = numbered("second", 50);
  {
    auto broker = open(configuration);
    auto billing = broker->subscribe("billing", before.handler()).value();
    publish(*broker, first_half);
    ASSERT_TRUE(eventually([&] { return before.finished() == 50; }));
    ASSERT_TRUE(billing.stop(kPatience));
    publish(*broker, second_half);
    ASSERT_TRUE(broker->close(kPatience));
  }
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", after.handler()).value();

  ASSERT_TRUE(eventually([&] { return after.finished() >= 50; })) << after.finished();
  EXPECT_EQ(before.payloads(), payloads_of(first_half));
  EXPECT_EQ(after.payloads(), payloads_of(second_half));
}

TEST_P(Settling, MessageOfAHandlerThatNeverFinishedComesAgain) {
  Recorder stuck;
  Recorder after;
  Gate gate;
  auto configuration = config();
  configuration.connection.close_timeout = 500ms;
  auto first = open(configuration);
  auto first_billing = first->subscribe("billing", stuck.handler_behind(gate)).value();
  publish(*first, numbered("m", 5));
  ASSERT_TRUE(eventually([&] { return stuck.begun() == 1; }));

  auto const closed = first->close(0ms);
  auto second = open(configuration);
  auto second_billing = second->subscribe("billing", after.handler()).value();

  EXPECT_FALSE(closed) << "a handler was still running";
  EXPECT_TRUE(eventually([&] { return after.finished() >= 5; })) << after.finished();
  EXPECT_EQ(after.payloads(), payloads_of(numbered("m", 5)));
  gate.open();
  EXPECT_TRUE(eventually([&] { return stuck.finished() == 1; }));
}

TEST_P(Settling, FinishedMessagesDoNotSettleAnUnfinishedOneBeforeThem) {
  Recorder before;
  Recorder after;
  Gate gate;
  auto configuration = config();
  configuration.connection.close_timeout = 500ms;
  billing_of(configuration).concurrency = 2;
  auto first = open(configuration);
  auto first_billing = first
                           ->subscribe("billing", before.handler([gate](Seen const& message) {
                             if (message.key == "stuck") gate.wait();
                             return ack();
                           }))
                           .value();
  publish(*first, "unfinished", "stuck");
  publish(*first, numbered("m", 50, "free"));
  ASSERT_TRUE(eventually([&] { return before.finished() == 50; }));

  (void)first->close(0ms);
  auto second = open(configuration);
  auto second_billing = second->subscribe("billing", after.handler()).value();

  EXPECT_TRUE(eventually([&] { return after.has("unfinished"); }));
  gate.open();
  EXPECT_TRUE(eventually([&] { return before.finished() == 51; }));
}

TEST_P(Settling, MessageWithoutAnOutcomeYetIsNotSettledByARestart) {
  Recorder failing;
  Recorder after;
  auto configuration = config();
  billing_of(configuration).retry.max_attempts = 1'000;
  auto first = open(configuration);
  auto first_billing =
      first->subscribe("billing", failing.handler([](Seen const&) { return retry("the ledger is down"); })).value();
  publish(*first, numbered("m", 3));
  ASSERT_TRUE(eventually([&] { return failing.finished() >= 3; }));

  EXPECT_TRUE(first->close(kPatience));
  auto second = open(configuration);
  auto second_billing = second->subscribe("billing", after.handler()).value();

  ASSERT_TRUE(eventually([&] { return after.finished() >= 3; })) << after.finished();
  EXPECT_EQ(after.payloads(), payloads_of(numbered("m", 3)));
}

}  // namespace
}  // namespace fairlead::conformance
