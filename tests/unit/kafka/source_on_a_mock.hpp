#pragma once

#include "config/broker_url.hpp"
#include "kafka/kafka_conf.hpp"
#include "kafka/kafka_source.hpp"
#include "support/fake_intake.hpp"
#include "support/notebook.hpp"
#include "support/wait.hpp"
#include "unit/kafka/mock_cluster.hpp"
#include "unit/kafka/producer_on_a_mock.hpp"

#include <fairlead/config.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace fairlead::test {

inline constexpr int kBrokers = 3;

inline void set_leader(MockCluster const& cluster, int partition, int broker) {
  ASSERT_EQ(rd_kafka_mock_partition_set_leader(cluster.get(), kTopic, partition, broker), RD_KAFKA_RESP_ERR_NO_ERROR);
}

/// A member of the group `billing` and a publisher, on brokers of which the first leads and coordinates.
class KafkaSourceOnAMock : public testing::Test {
 protected:
  KafkaSourceOnAMock() {
    cluster_.create(kTopic, 1, kBrokers);
    set_leader(cluster_, 0, 1);
    move_coordinator(1);
    config_.broker = cluster_.url();
    config_.connection.backoff_initial = std::chrono::milliseconds(10);
    config_.connection.backoff_max = std::chrono::milliseconds(50);
    config_.kafka.conf["heartbeat.interval.ms"] = "200";
    client_ = kafka::client_options(config_, parse_broker_url(config_.broker).value()).value();
    auto conf = kafka::make_conf(kafka::consumer_options(client_, "billing", false)).value();
    asking_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf.release(), nullptr, 0));
  }

  using Change = std::function<void(kafka::SourceSetup&)>;  // of what a member usually is

  [[nodiscard]] std::unique_ptr<kafka::KafkaSource> member(FakeIntake& intake, Change const& change) const {
    kafka::SourceSetup setup;
    setup.options = kafka::consumer_options(client_, "billing", false);
    setup.topic = kTopic;
    setup.partitions = 1;
    setup.logger = notebook_;
    setup.backoff = {std::chrono::milliseconds(10), std::chrono::milliseconds(100)};
    change(setup);
    return kafka::KafkaSource::open(std::move(setup), intake, std::chrono::steady_clock::now() + kPatience).value();
  }
  void open(Change const& change = [](kafka::SourceSetup&) {}) {
    source_ = member(intake_, change);
    rig_ = std::make_unique<ProducerRig>(cluster_, true, NativeOptions{{"linger.ms", "1"}});
  }
  void move_coordinator(int broker) {
    ASSERT_EQ(rd_kafka_mock_coordinator_set(cluster_.get(), "group", "billing", broker), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void publish(int count) {
    for (int i = 0; i < count; ++i) rig_->publish(published_++, "k");
  }
  /// What was published is read to the end of the log, and settled.
  void read_and_settle() {
    ASSERT_TRUE(rig_->wait_for_answers(static_cast<std::size_t>(published_)));
    for (int i = 0; i < published_; ++i) {
      ASSERT_TRUE(rig_->answer(i));
      end_ = std::max(end_, rig_->answer(i)->position + 1);
    }
    ASSERT_TRUE(intake_.wait_until_last(0, end_ - 1));
    source_->settle(intake_.seen().back().lane, end_ - 1);
  }
  /// Where the group stands, as the coordinator tells somebody else.
  [[nodiscard]] std::int64_t committed() {
    kafka::PartitionListPtr const list(rd_kafka_topic_partition_list_new(1));
    auto* const partition = rd_kafka_topic_partition_list_add(list.get(), kTopic, 0);
    bool const is_told = rd_kafka_committed(asking_.get(), list.get(), 5'000) == RD_KAFKA_RESP_ERR_NO_ERROR;
    return is_told ? partition->offset : -1;
  }
  void close_in(std::chrono::milliseconds patience, bool can_leave = true) {
    source_->stop_intake();
    intake_.release();
    auto const began = std::chrono::steady_clock::now();
    auto const closed = source_->close(began + patience);
    EXPECT_TRUE(closed || !can_leave);
    auto const took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    closed_in_ = took;
    std::printf("closed in %lld ms\n", static_cast<long long>(took.count()));
    EXPECT_LT(took, patience + std::chrono::seconds(2)) << "it may take a second to leave";
  }
  [[nodiscard]] bool says_that_settlements_are_lost() const {
    auto const lines = notebook_->entries("kafka");
    return std::ranges::any_of(lines, [](Notebook::Entry const& line) {
      return line.level == LogLevel::kWarn && line.text.find("settled and not committed") != std::string::npos;
    });
  }
  /// Each position is there, and in each epoch one follows the other.
  void check_positions() {
    std::map<std::uint32_t, std::int64_t> newest;
    std::int64_t next = 0;
    std::size_t repeated = 0;
    for (auto const& message : intake_.seen()) {
      auto const [last, is_first] = newest.try_emplace(message.lane.epoch, message.position);
      EXPECT_TRUE(is_first || message.position == last->second + 1) << last->second << ", then " << message.position;
      last->second = message.position;
      EXPECT_LE(message.position, next) << "one was left out";
      repeated += message.position < next ? 1 : 0;
      next = std::max(next, message.position + 1);
    }
    EXPECT_EQ(next, end_);
    std::printf("%lld positions, %zu seen again, %zu epochs\n", static_cast<long long>(end_), repeated, newest.size());
  }

  MockCluster cluster_{kBrokers};
  Config config_;
  NativeOptions client_;
  FakeIntake intake_{{1'000'000, 1'000'000'000}};
  std::shared_ptr<Notebook> const notebook_ = std::make_shared<Notebook>();
  std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)> asking_{nullptr, rd_kafka_destroy};
  std::unique_ptr<kafka::KafkaSource> source_;
  std::unique_ptr<ProducerRig> rig_;
  std::chrono::milliseconds closed_in_{0};
  int published_ = 0;
  std::int64_t end_ = 0;
};

}  // namespace fairlead::test
