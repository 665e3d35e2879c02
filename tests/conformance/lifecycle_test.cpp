#include "conformance/conformance.hpp"

#include <atomic>

// Stopping in order: what was begun is finished and settled, what was not begun stays with the broker.
namespace fairlead::conformance {
namespace {

using Draining = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Draining, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Draining, StopsIntakeAtOnceAndLetsRunningHandlersFinish) {
  Recorder before;
  Recorder after;
  Gate gate;
  auto configuration = config();
  billing_of(configuration).concurrency = 2;
  auto const hold = [gate](Seen const&) {
    gate.wait();
    return ack();
  };
  auto first = open(configuration);
  auto first_billing = first->subscribe("billing", before.handler(hold)).value();
  std::vector<Message> messages;
  for (int index = 0; index < 20; ++index)
    messages.push_back({.payload = std::to_string(index), .key = "k" + std::to_string(index)});
  publish(*first, messages);
  ASSERT_TRUE(eventually([&] { return before.begun() == 2; }));

  auto const too_short = first->drain(100ms);
  gate.open();
  auto const drained = first->drain(kPatience);

  ASSERT_FALSE(too_short);
  EXPECT_EQ(too_short.error().code, Errc::kTimeout) << too_short.error().message;
  ASSERT_TRUE(drained) << drained.error().message;
  EXPECT_EQ(before.begun(), 2U);
  EXPECT_EQ(before.finished(), 2U);
  ASSERT_TRUE(first->close(kPatience));
  auto second = open(configuration);
  auto second_billing = second->subscribe("billing", after.handler()).value();
  ASSERT_TRUE(eventually([&] { return after.finished() >= 18; })) << after.finished();
  ASSERT_TRUE(second->drain(kPatience));
  EXPECT_EQ(after.begun(), 18U) << "what was handled before the drain came again";
  for (auto const& payload : before.payloads()) EXPECT_FALSE(after.has(payload)) << payload;
}

TEST_P(Draining, UnderLoadLosesNothingAndRepeatsNothing) {
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 2;
  billing_of(configuration).concurrency = 4;
  std::vector<Message> messages;
  for (int index = 0; index < 3'000; ++index) {
    messages.push_back({.payload = std::to_string(index), .key = "key-" + std::to_string(index % 50)});
  }
  {
    auto broker = open(configuration);
    publish(*broker, messages);
  }
  for (std::size_t stop_at : {200U, 900U, 3'000U}) {
    auto broker = open(configuration);
    auto billing = broker->subscribe("billing", recorder.handler()).value();
    ASSERT_TRUE(eventually([&] { return recorder.finished() >= stop_at; })) << recorder.finished();
    ASSERT_TRUE(broker->drain(kPatience));
    EXPECT_EQ(recorder.begun(), recorder.finished());
    ASSERT_TRUE(broker->close(kPatience));
  }
  EXPECT_EQ(recorder.begun(), 3'000U) << "what was handled before a drain came again";
  EXPECT_EQ(recorder.distinct_payloads().size(), 3'000U);
}

TEST_P(Draining, LeavesPublishingPossible) {
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto publisher = broker->publisher(destination_).value();
  ASSERT_TRUE(broker->drain(kPatience));

  EXPECT_TRUE(publisher.publish("after the drain"));
  EXPECT_TRUE(broker->publisher(destination_).value().publish("and again"));

  ASSERT_TRUE(broker->close(kPatience));
  EXPECT_EQ(recorder.begun(), 0U);
}

TEST_P(Draining, WaitsForOutstandingPublishes) {
  auto broker = open(config());
  auto publisher = broker->publisher(destination_).value();
  std::atomic<int> completed{0};
  for (int index = 0; index < 300; ++index) publisher.publish_async("m", {}, [&](auto const&) { ++completed; });

  ASSERT_TRUE(broker->drain(kPatience));

  EXPECT_EQ(completed, 300);
}

TEST_P(Draining, StoppedSubscriptionLeavesTheOthersRunning) {
  Recorder billing_seen;
  Recorder shipping_seen;
  auto configuration = config();
  add_group(configuration, "shipping");
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_seen.handler()).value();
  auto shipping = broker->subscribe("shipping", shipping_seen.handler()).value();
  publish(*broker, "one");
  ASSERT_TRUE(eventually([&] { return billing_seen.finished() == 1 && shipping_seen.finished() == 1; }));

  ASSERT_TRUE(billing.stop(kPatience));
  EXPECT_TRUE(billing.stop(kPatience)) << "a second stop";
  publish(*broker, "two");

  ASSERT_TRUE(eventually([&] { return shipping_seen.finished() == 2; }));
  EXPECT_EQ(billing_seen.begun(), 1U);
  auto again = broker->subscribe("billing", billing_seen.handler()).value();
  ASSERT_TRUE(eventually([&] { return billing_seen.finished() == 2; }));
  EXPECT_EQ(billing_seen.payloads(), (std::vector<std::string>{"one", "two"}));
}

TEST_P(Draining, StopReportsAHandlerThatIsStillRunning) {
  Recorder recorder;
  Gate gate;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler_behind(gate)).value();
  publish(*broker, "m");
  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));

  Stopwatch const watch;
  auto const stopped = billing.stop(100ms);

  EXPECT_LT(watch.elapsed(), 100ms + kSlack);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Errc::kTimeout) << stopped.error().message;
  gate.open();
  EXPECT_TRUE(eventually([&] { return recorder.finished() == 1; }));
}

TEST_P(Draining, FromInsideAHandlerIsRefused) {
  Recorder recorder;
  std::optional<Subscription> billing;
  Gate subscribed;
  std::vector<Errc> answers;
  auto broker = open(config());
  billing = broker
                ->subscribe("billing", recorder.handler([&](Seen const&) {
                  subscribed.wait();
                  for (auto const& result : {broker->drain(1s), broker->close(1s), billing->stop(1s)}) {
                    answers.push_back(result ? Errc::kInternal : result.error().code);
                  }
                  return ack();
                }))
                .value();
  subscribed.open();

  publish(*broker, "m");

  ASSERT_TRUE(eventually([&] { return recorder.finished() == 1; }));
  EXPECT_EQ(answers, (std::vector<Errc>(3, Errc::kInvalidArgument)));
  publish(*broker, "n");
  EXPECT_TRUE(eventually([&] { return recorder.finished() == 2; })) << "the subscription did not go on";
}

}  // namespace
}  // namespace fairlead::conformance
