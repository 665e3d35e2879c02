#include "conformance/conformance.hpp"
#include "support/child_process.hpp"

#include <set>

// A consumer process that dies takes nothing with it.
namespace fairlead::conformance {
namespace {

using Crashing = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Crashing, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Crashing, WhatADeadConsumerHadNotFinishedIsHandledByTheNext) {
  constexpr int kMessages = 60;
  constexpr int kBeforeTheCrash = 20;
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 2;
  auto broker = open(configuration);
  if (auto const& can = broker->capabilities().survives_process_exit; !can) GTEST_SKIP() << can.reason;
  std::vector<Message> messages;
  for (int index = 0; index < kMessages; ++index) {
    messages.push_back({.payload = std::to_string(index), .key = "key-" + std::to_string(index % 10)});
  }
  publish(*broker, messages);

  test::ChildProcess doomed({CRASH_CONSUMER, GetParam().url_variable, destination_, group_of("billing"), "2",
                             std::to_string(kBeforeTheCrash)});
  ASSERT_EQ(doomed.wait(kPatience), 0);
  auto const written = doomed.lines();
  std::set<std::string> const handled_by_the_dead(written.begin(), written.end());
  ASSERT_EQ(handled_by_the_dead.size(), std::size_t{kBeforeTheCrash});
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  ASSERT_TRUE(eventually([&] {
    auto all = recorder.distinct_payloads();
    all.insert(handled_by_the_dead.begin(), handled_by_the_dead.end());
    return all.size() == kMessages;
  })) << "of "
      << kMessages << " messages only " << recorder.distinct_payloads().size() << " came after the crash";
  publish(*broker, "fresh");
  ASSERT_TRUE(eventually([&] { return recorder.has("fresh"); }));
  for (Seen const& message : recorder.seen()) {
    if (message.payload == "fresh") {
      EXPECT_FALSE(message.redelivered);
    }
  }
}

TEST_P(Crashing, WhatWasHandledAndNotSettledYetComesAgain) {
  constexpr int kHandled = 20;
  constexpr char const* kAnHour = "3600000";
  Recorder recorder;
  auto broker = open(config());
  if (auto const& can = broker->capabilities().survives_process_exit; !can) GTEST_SKIP() << can.reason;
  auto const messages = numbered("m", 2 * kHandled);
  publish(*broker, messages);

  test::ChildProcess doomed({CRASH_CONSUMER, GetParam().url_variable, destination_, group_of("billing"), "1",
                             std::to_string(kHandled), kAnHour});
  ASSERT_EQ(doomed.wait(kPatience), 0);
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  ASSERT_TRUE(eventually([&] { return recorder.finished() == messages.size(); })) << recorder.finished();
  EXPECT_EQ(recorder.payloads(), payloads_of(messages)) << "settle.interval was not over";
}

}  // namespace
}  // namespace fairlead::conformance
