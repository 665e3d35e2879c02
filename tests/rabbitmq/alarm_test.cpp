#include "rabbitmq/node.hpp"
#include "support/recorder.hpp"
#include "support/wait.hpp"

#include <atomic>
#include <chrono>

namespace fairlead::rabbitmq {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using Clock = std::chrono::steady_clock;

class Alarm : public Node {
 protected:
  void TearDown() override {
    if (is_raised_) clear();
  }
  void raise() {
    is_raised_ = true;
    control({"set_vm_memory_high_watermark", "0"});
  }
  void clear() {
    control({"set_vm_memory_high_watermark", "0.4"});
    is_raised_ = false;
  }

 private:
  bool is_raised_ = false;
};

TEST_F(Alarm, BlocksPublishersVisiblyWhileConsumersGoOnAndEndsByItself) {
  test::Recorder recorder;
  test::Gate gate;
  auto configuration = config();
  configuration.broker += "?heartbeat=1";  // the alarm outlasts two of them
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing", recorder.handler([gate](test::Seen const&) {
                       gate.wait();
                       return ack();
                     }))
                     .value();
  auto publisher = broker->publisher(destination_).value();
  std::vector<Message> messages;
  for (int i = 0; i < 500; ++i) messages.push_back({.payload = std::to_string(i)});
  for (auto const& result : publisher.publish_batch(messages)) ASSERT_TRUE(result);

  raise();
  std::atomic<int> confirmed{0};
  std::atomic<int> ended{0};
  for (int i = 0; i < 100; ++i) {
    publisher.publish_async("waits", {}, [&](auto const& result) {
      confirmed += result.has_value();
      ++ended;
    });
  }
  // RabbitMQ blocks a connection with its first publish during the alarm.
  ASSERT_TRUE(eventually([&] { return broker->health().state == ConnectionState::kBlocked; }, 1s + kSlack));
  ASSERT_TRUE(broker->health().problem);
  EXPECT_EQ(broker->health().problem->code, Errc::kBlocked);
  EXPECT_NE(broker->health().problem->message.find("memory"), std::string::npos) << broker->health().problem->message;

  gate.open();
  EXPECT_TRUE(eventually([&] { return recorder.distinct_payloads().size() >= 500; })) << "consuming goes on";
  for (int i = 0; i < 3; ++i) {
    auto const start = Clock::now();
    auto const late = publisher.publish("late", {.deadline = 1s});
    EXPECT_LT(Clock::now() - start, 1s + kSlack);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::kBlocked) << late.error().message;
    EXPECT_EQ(publish_status(late), PublishStatus::kNotPersisted) << "it was never sent";
    EXPECT_NE(late.error().message.find("memory"), std::string::npos) << late.error().message;
  }
  EXPECT_LT(ended, 100) << "at most what was written before the broker said so";
  EXPECT_EQ(broker->health().state, ConnectionState::kBlocked);

  clear();
  EXPECT_TRUE(eventually([&] { return confirmed == 100; }, 5s + kSlack)) << confirmed << " of " << ended;
  EXPECT_TRUE(eventually([&] { return broker->health().is_healthy(); }));
  EXPECT_TRUE(publisher.publish("after"));
  EXPECT_TRUE(eventually([&] { return recorder.has("after"); }));
  EXPECT_FALSE(recorder.has("late")) << "what was called not persisted is never delivered";
  EXPECT_EQ(broker->health().reconnects, 0u);
}

}  // namespace
}  // namespace fairlead::rabbitmq
