#pragma once

#include "config/broker_url.hpp"
#include "core/ids.hpp"
#include "kafka/kafka_conf.hpp"
#include "kafka/kafka_source.hpp"
#include "support/fake_intake.hpp"
#include "support/missing.hpp"
#include "support/notebook.hpp"
#include "support/wait.hpp"

#include <fairlead/broker.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace fairlead::test {

inline constexpr Intake::Room kMuch{1'000'000, 1'000'000'000};

/// A topic of its own with one partition, and members of a group that hand over to a FakeIntake.
class KafkaSourceOnABroker : public testing::Test {
 protected:
  void SetUp() override {
    config_.broker = environment("FAIRLEAD_KAFKA_URL");
    if (config_.broker.empty()) return miss({"FAIRLEAD_KAFKA_URL is not set"});
    make_message_id(topic_);
    config_.destinations[topic_].partitions = partitions();
    config_.destinations[topic_].groups = {group()};
    broker_ = Broker::open(config_).value();
    broker_->declare(topic_).value();
  }
  [[nodiscard]] virtual int partitions() const { return 1; }
  /// Of this test alone: a group is one for the whole cluster.
  [[nodiscard]] std::string group() const { return "billing-of-" + topic_; }
  /// Each message is its own position.
  void publish(int from, int to) {
    std::vector<Message> messages;
    for (int i = from; i < to; ++i) messages.push_back({.payload = std::to_string(i)});
    for (auto const& result : broker_->publisher(topic_).value().publish_batch(messages)) result.value();
  }
  [[nodiscard]] NativeOptions client() const {
    return kafka::client_options(config_, parse_broker_url(config_.broker).value()).value();
  }
  [[nodiscard]] std::unique_ptr<kafka::KafkaSource> member(FakeIntake& intake) const {
    kafka::SourceSetup setup;
    setup.options = kafka::consumer_options(client(), group(), false);
    setup.topic = topic_;
    setup.partitions = partitions();
    setup.logger = notebook_;
    setup.backoff = {std::chrono::milliseconds(10), std::chrono::milliseconds(100)};
    return kafka::KafkaSource::open(std::move(setup), intake, std::chrono::steady_clock::now() + kPatience).value();
  }
  [[nodiscard]] static testing::AssertionResult done(Result<void> const& result) {
    return result ? testing::AssertionSuccess() : testing::AssertionFailure() << result.error().message;
  }
  static void leave(kafka::KafkaSource& source, FakeIntake& intake) {
    source.stop_intake();
    intake.release();
    EXPECT_TRUE(source.close(std::chrono::steady_clock::now() + kPatience));
  }
  /// The positions that came in the epoch of the last message.
  [[nodiscard]] static std::vector<std::int64_t> positions_in_last_epoch(FakeIntake const& intake) {
    std::vector<std::int64_t> positions;
    auto const seen = intake.seen();
    for (auto const& message : seen) {
      if (message.lane.epoch == seen.back().lane.epoch) positions.push_back(message.position);
    }
    return positions;
  }
  [[nodiscard]] static std::vector<std::int64_t> all_between(std::int64_t from, std::int64_t to) {
    std::vector<std::int64_t> positions(static_cast<std::size_t>(to - from));
    std::iota(positions.begin(), positions.end(), from);
    return positions;
  }

  Config config_;
  std::string topic_;
  std::unique_ptr<Broker> broker_;
  std::shared_ptr<Notebook> const notebook_ = std::make_shared<Notebook>();
};

}  // namespace fairlead::test
