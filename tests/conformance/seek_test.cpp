#include "conformance/conformance.hpp"

#include <algorithm>
#include <optional>

// Going back to messages that were handled, or ahead past those that were not.
namespace fairlead::conformance {
namespace {

class Seeking : public Conformance {
 protected:
  /// A subscription that has handled `messages`; none where the broker cannot seek, which has to say so.
  void SetUp() override {
    Conformance::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    broker_ = open(config());
    billing_ = broker_->subscribe("billing", recorder_.handler()).value();
    if (auto const& can = broker_->capabilities().replay; !can) {
      for (auto const& target : {SeekTarget::to_earliest(), SeekTarget::to_latest(), SeekTarget::to_position(0, 0),
                                 SeekTarget::to_time(std::chrono::system_clock::now())}) {
        auto const sought = billing_->seek(target, kPatience);
        ASSERT_FALSE(sought);
        EXPECT_EQ(sought.error().code, Errc::kUnsupported);
        EXPECT_FALSE(sought.error().message.empty());
      }
      GTEST_SKIP() << can.reason;
    }
  }
  void publish_and_handle(std::string const& prefix, int count) {
    auto const enough = recorder_.finished() + static_cast<std::size_t>(count);
    publish(*broker_, numbered(prefix, count));
    ASSERT_TRUE(eventually([&] { return recorder_.finished() == enough; })) << recorder_.finished();
  }
  /// What was handled from there on.
  [[nodiscard]] std::vector<std::string> payloads_from(std::size_t index) const {
    auto const all = recorder_.payloads();
    return {all.begin() + static_cast<std::ptrdiff_t>(index), all.end()};
  }
  Recorder recorder_;
  std::unique_ptr<Broker> broker_;
  std::optional<Subscription> billing_;
};
INSTANTIATE_TEST_SUITE_P(On, Seeking, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Seeking, ToTheEarliestHandlesEverythingAgainInOrder) {
  publish_and_handle("m", 30);

  ASSERT_TRUE(billing_->seek(SeekTarget::to_earliest(), kPatience));
  ASSERT_TRUE(eventually([&] { return recorder_.finished() >= 60; })) << recorder_.finished();
  publish_and_handle("new", 1);

  auto expected = payloads_of(numbered("m", 30));
  expected.emplace_back("new0");
  EXPECT_EQ(payloads_from(30), expected);
}

TEST_P(Seeking, ToTheLatestSkipsWhatIsWaiting) {
  publish_and_handle("before", 1);
  billing_->pause();
  publish(*broker_, numbered("skipped", 500));

  ASSERT_TRUE(billing_->seek(SeekTarget::to_latest(), kPatience));
  billing_->resume();
  publish(*broker_, numbered("new", 10));

  ASSERT_TRUE(eventually([&] { return recorder_.has("new9"); }));
  EXPECT_EQ(payloads_from(1), payloads_of(numbered("new", 10)));
}

TEST_P(Seeking, ToATimeGoesOnWithTheFirstMessagePublishedThen) {
  publish_and_handle("before", 10);
  auto const newest = recorder_.seen().back().timestamp;
  // Times are kept to the millisecond: the next messages are younger than this one.
  ASSERT_TRUE(eventually([&] { return std::chrono::system_clock::now() >= newest + 5ms; }));
  auto const time = newest + 2ms;
  publish_and_handle("after", 10);

  ASSERT_TRUE(billing_->seek(SeekTarget::to_time(time), kPatience));

  ASSERT_TRUE(eventually([&] { return recorder_.finished() >= 30; })) << recorder_.finished();
  publish_and_handle("new", 1);
  auto expected = payloads_of(numbered("after", 10));
  expected.emplace_back("new0");
  EXPECT_EQ(payloads_from(20), expected);
}

TEST_P(Seeking, ToAPositionGoesOnWithThatMessage) {
  publish_and_handle("m", 20);
  auto const target = recorder_.seen()[15];

  ASSERT_TRUE(billing_->seek(SeekTarget::to_position(target.partition, target.position), kPatience));

  ASSERT_TRUE(eventually([&] { return recorder_.finished() >= 25; })) << recorder_.finished();
  EXPECT_EQ(payloads_from(20), (std::vector<std::string>{"m15", "m16", "m17", "m18", "m19"}));
}

TEST_P(Seeking, IsKeptByTheGroupForTheNextMember) {
  publish_and_handle("m", 10);
  billing_->pause();
  ASSERT_TRUE(billing_->seek(SeekTarget::to_earliest(), kPatience));
  ASSERT_TRUE(billing_->stop(kPatience));

  Recorder next_seen;
  auto next = broker_->subscribe("billing", next_seen.handler()).value();

  ASSERT_TRUE(eventually([&] { return next_seen.finished() >= 10; })) << next_seen.finished();
  EXPECT_EQ(next_seen.payloads(), payloads_of(numbered("m", 10)));
}

TEST_P(Seeking, WhatRunsMeanwhileIsFencedAndHandledAgain) {
  Recorder recorder;
  Gate gate;
  auto configuration = config();
  add_group(configuration, "audit");
  auto broker = open(configuration);
  auto audit = broker->subscribe("audit", recorder.handler_behind(gate)).value();
  publish(*broker, numbered("m", 5));
  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));

  ASSERT_TRUE(audit.seek(SeekTarget::to_earliest(), kPatience));
  gate.open();

  ASSERT_TRUE(eventually([&] { return audit.stats().handled == 6 && audit.stats().in_flight == 0; }))
      << audit.stats().handled;
  EXPECT_EQ(audit.stats().stale, 1U);
  auto expected = payloads_of(numbered("m", 5));
  expected.insert(expected.begin(), "m0");
  EXPECT_EQ(recorder.payloads(), expected);
}

TEST_P(Seeking, APlaceThatIsNotThereIsRefusedAndChangesNothing) {
  publish_and_handle("m", 3);

  auto const sought = billing_->seek(SeekTarget::to_position(7, 0), kPatience);

  ASSERT_FALSE(sought);
  EXPECT_EQ(sought.error().code, Errc::kInvalidArgument) << sought.error().message;
  publish_and_handle("new", 1);
  EXPECT_EQ(payloads_from(3), std::vector<std::string>{"new0"});
}

TEST_P(Seeking, PartitionOfAnotherMemberIsRefused) {
  auto configuration = config();
  auto const wide = destination_ + ".wide";
  configuration.destinations[wide].partitions = 2;
  billing_of(configuration).destination = wide;
  auto const one = open(configuration);
  auto const two = open(configuration);
  auto const first = one->subscribe("billing", recorder_.handler()).value();
  auto second = two->subscribe("billing", recorder_.handler()).value();
  ASSERT_TRUE(eventually([&] { return first.stats().partitions == 1 && second.stats().partitions == 1; }));

  std::vector<std::optional<Errc>> answers;
  for (int partition : {0, 1}) {
    auto const sought = second.seek(SeekTarget::to_position(partition, 0), kPatience);
    answers.push_back(sought ? std::nullopt : std::optional(sought.error().code));
  }

  std::sort(answers.begin(), answers.end());
  EXPECT_EQ(answers, (std::vector<std::optional<Errc>>{std::nullopt, Errc::kPreconditionFailed}));
}

TEST_P(Seeking, AfterTheStopIsRefused) {
  ASSERT_TRUE(billing_->stop(kPatience));
  auto const sought = billing_->seek(SeekTarget::to_earliest(), kPatience);
  ASSERT_FALSE(sought);
  EXPECT_EQ(sought.error().code, Errc::kClosed);
}

}  // namespace
}  // namespace fairlead::conformance
