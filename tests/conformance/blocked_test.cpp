#include "conformance/conformance.hpp"
#include "conformance/outage.hpp"
#include "support/local_broker.hpp"
#include "support/rabbitmqctl.hpp"

#include <atomic>

// A broker that takes no publishes for a while: because it says so, as RabbitMQ does in an alarm, or because it does
// not answer at all.
namespace fairlead::conformance {
namespace {

constexpr int kPublishes = 100;

/// How publishes of one kind have ended.
class Ends {
 public:
  void publish(Publisher& publisher) {
    for (int i = 0; i < kPublishes; ++i) {
      publisher.publish_async("waits", {.deadline = kPatience}, [this](auto const& result) {
        confirmed_ += result.has_value();
        ++ended_;
        something_changed();
      });
    }
  }
  [[nodiscard]] bool has_confirmed_all() const {
    return eventually([&] { return ended_ == kPublishes; }) && confirmed_ == kPublishes;
  }
  [[nodiscard]] int count() const { return ended_; }

 private:
  std::atomic<int> confirmed_{0};
  std::atomic<int> ended_{0};
};

class BlockedByAlarm : public Conformance {
 protected:
  void SetUp() override {
    Conformance::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (!url_.starts_with("amqp")) GTEST_SKIP() << "this broker never tells publishers to wait";
    node_ = test::local_broker("amqp");
    if (node_.directory.empty()) test::miss(node_.missing);
  }
  void TearDown() override {
    if (is_raised_) clear();
  }
  void raise() {
    is_raised_ = true;
    test::rabbitmqctl(node_.directory, {"set_vm_memory_high_watermark", "0"});
  }
  void clear() {
    test::rabbitmqctl(node_.directory, {"set_vm_memory_high_watermark", "0.4"});
    is_raised_ = false;
  }

 private:
  test::LocalBroker node_;
  bool is_raised_ = false;
};
INSTANTIATE_TEST_SUITE_P(On, BlockedByAlarm, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(BlockedByAlarm, PublishersVisiblyWhileConsumersGoOnAndTheEndIsNoticed) {
  Recorder recorder;
  Gate gate;
  auto configuration = config();
  configuration.broker += "?heartbeat=1";  // the alarm outlasts two of them
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler_behind(gate)).value();
  publish(*broker, numbered("before-", 500));
  auto publisher = broker->publisher(destination_).value();

  raise();
  Ends ends;
  ends.publish(publisher);
  // RabbitMQ blocks a connection with its first publish during the alarm.
  ASSERT_TRUE(eventually([&] { return broker->health().state == ConnectionState::kBlocked; }));
  ASSERT_TRUE(broker->health().problem);
  EXPECT_EQ(broker->health().problem->code, Errc::kBlocked);
  EXPECT_NE(broker->health().problem->message.find("memory"), std::string::npos) << broker->health().problem->message;

  gate.open();
  EXPECT_TRUE(eventually([&] { return recorder.distinct_payloads().size() >= 500; })) << "consuming goes on";
  for (int i = 0; i < 3; ++i) {
    Stopwatch const watch;
    auto const late = publisher.publish("late", {.deadline = 1s});
    EXPECT_LT(watch.elapsed(), 1s + kSlack);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::kBlocked) << late.error().message;
    EXPECT_EQ(publish_status(late), PublishStatus::kNotPersisted) << "it was never sent";
    EXPECT_NE(late.error().message.find("memory"), std::string::npos) << late.error().message;
  }
  EXPECT_LT(ends.count(), kPublishes) << "at most what was written before the broker said so";
  EXPECT_EQ(broker->health().state, ConnectionState::kBlocked);

  clear();
  EXPECT_TRUE(ends.has_confirmed_all());
  EXPECT_TRUE(eventually([&] { return broker->health().is_healthy(); }));
  EXPECT_TRUE(publisher.publish("after"));
  EXPECT_TRUE(eventually([&] { return recorder.has("after"); }));
  EXPECT_FALSE(recorder.has("late")) << "what was called not persisted is never delivered";
  EXPECT_EQ(broker->health().reconnects, 0U);
}

class BlockedBySilence : public Conformance {
 protected:
  void SetUp() override {
    Conformance::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    test::Missing missing;
    outage_ = Outage::of(url_, missing);
    if (outage_ == nullptr) return test::miss(missing);
    url_ = outage_->url();
  }

  std::unique_ptr<Outage> outage_;
};
INSTANTIATE_TEST_SUITE_P(On, BlockedBySilence, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(BlockedBySilence, PublishesWaitAndAreConfirmedOnceItAnswersAgain) {
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto publisher = broker->publisher(destination_).value();
  ASSERT_TRUE(publisher.publish("before"));

  outage_->begin();
  Ends ends;
  ends.publish(publisher);
  Stopwatch const watch;
  auto const late = publisher.publish("late", {.deadline = 1s});
  EXPECT_LT(watch.elapsed(), 1s + kSlack);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::kTimeout) << late.error().message;
  EXPECT_EQ(ends.count(), 0) << "nobody answered";

  outage_->end();
  EXPECT_TRUE(ends.has_confirmed_all());
  EXPECT_TRUE(publisher.publish("after"));
  EXPECT_TRUE(eventually([&] { return recorder.has("after"); }));
  EXPECT_TRUE(eventually([&] { return broker->health().is_healthy(); }));
}

}  // namespace
}  // namespace fairlead::conformance
