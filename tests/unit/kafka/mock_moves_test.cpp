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
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

// Leaders of partitions and coordinators of groups that move from broker to broker.
namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::FakeIntake;
using test::kPatience;
using test::kTopic;
using test::MockCluster;
using test::Notebook;
using test::ProducerRig;
using test::read_back;
using Clock = std::chrono::steady_clock;

constexpr int kBrokers = 3;

void set_leader(MockCluster const& cluster, int partition, int broker) {
  ASSERT_EQ(rd_kafka_mock_partition_set_leader(cluster.get(), kTopic, partition, broker), RD_KAFKA_RESP_ERR_NO_ERROR);
}

TEST(KafkaLeaderMoves, UnderLoadEachPublishIsAnsweredOnceAndWhatIsConfirmedIsThere) {
  constexpr int kMoves = 40;
  constexpr int kPerMove = 50;
  constexpr int kPartitions = 4;
  MockCluster cluster(kBrokers);
  cluster.create(kTopic, kPartitions, kBrokers);
  ProducerRig rig(cluster, true, {{"linger.ms", "1"}});
  std::atomic<bool> stop{false};
  std::atomic<int> allowed{0};  // the mock cluster keeps 5 MB of a partition
  std::atomic<int> published{0};
  std::thread load([&] {
    while (!stop) {
      if (published >= allowed) {
        std::this_thread::yield();
        continue;
      }
      rig.publish(published, "key" + std::to_string(published % 16), 60s);
      ++published;
    }
  });
  for (int i = 0; i < kMoves; ++i) {
    allowed += kPerMove;
    EXPECT_TRUE(eventually([&] { return rig.answered() + kPerMove > static_cast<std::size_t>(allowed); }));
    for (int partition = 0; partition < kPartitions; ++partition) {
      if (partition % 2 == i % 2) set_leader(cluster, partition, 1 + (i + partition) % kBrokers);
    }
  }
  for (int partition = 0; partition < kPartitions; ++partition) set_leader(cluster, partition, 1);
  EXPECT_TRUE(eventually([&] { return published >= allowed; }));
  stop = true;
  load.join();
  ASSERT_TRUE(rig.wait_for_answers(static_cast<std::size_t>(published)));
  rig.close();
  EXPECT_TRUE(eventually([&] { return rig.pending() == 0; }));

  std::map<int, int> copies;
  std::size_t stored = 0;
  for (auto const& [partition, messages] : read_back(cluster, kPartitions)) {
    for (auto const& message : messages) ++copies[message.number];
    stored += messages.size();
  }
  std::size_t confirmed = 0;
  std::string why;
  for (auto const& [number, results] : rig.answers()) {
    ASSERT_EQ(results.size(), 1U) << number;
    if (!results[0]) {
      EXPECT_TRUE(results[0].error().maybe_applied || !copies.contains(number)) << number;
      why = results[0].error().message;
      continue;
    }
    ++confirmed;
    EXPECT_TRUE(copies.contains(number)) << "confirmed and lost: " << number;
  }
  std::printf("%d moves, %d requests: %d published, %zu confirmed, %zu stored twice\n", kMoves, rig.produce_requests(),
              published.load(), confirmed, stored - copies.size());
  EXPECT_EQ(confirmed, static_cast<std::size_t>(published)) << why;
}

/// A member of the group `billing` and a publisher, on brokers of which the first leads and coordinates.
class KafkaSourceMoves : public testing::Test {
 protected:
  KafkaSourceMoves() {
    cluster_.create(kTopic, 1, kBrokers);
    set_leader(cluster_, 0, 1);
    move_coordinator(1);
    config_.broker = cluster_.url();
    config_.connection.backoff_initial = 10ms;
    config_.connection.backoff_max = 50ms;
    config_.kafka.conf["heartbeat.interval.ms"] = "200";
    client_ = client_options(config_, parse_broker_url(config_.broker).value()).value();
    auto conf = make_conf(consumer_options(client_, "billing", false)).value();
    asking_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf.release(), nullptr, 0));
  }

  void open() {
    SourceSetup setup;
    setup.options = consumer_options(client_, "billing", false);
    setup.topic = kTopic;
    setup.partitions = 1;
    setup.logger = notebook_;
    setup.backoff = {10ms, 100ms};
    source_ = KafkaSource::open(std::move(setup), intake_, Clock::now() + kPatience).value();
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
    PartitionListPtr const list(rd_kafka_topic_partition_list_new(1));
    auto* const partition = rd_kafka_topic_partition_list_add(list.get(), kTopic, 0);
    bool const is_told = rd_kafka_committed(asking_.get(), list.get(), 5'000) == RD_KAFKA_RESP_ERR_NO_ERROR;
    return is_told ? partition->offset : -1;
  }
  void close_in(std::chrono::milliseconds patience, bool can_leave = true) {
    source_->stop_intake();
    intake_.release();
    auto const began = Clock::now();
    auto const closed = source_->close(began + patience);
    EXPECT_TRUE(closed || !can_leave);
    auto const took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
    std::printf("closed in %lld ms\n", static_cast<long long>(took.count()));
    EXPECT_LT(took, patience + 2s) << "it may take a second to leave";
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
  std::unique_ptr<KafkaSource> source_;
  std::unique_ptr<ProducerRig> rig_;
  int published_ = 0;
  std::int64_t end_ = 0;
};

TEST_F(KafkaSourceMoves, ReadsAndCommitsOnWhenTheCoordinatorMovesAndRefusesCommits) {
  open();
  for (int round = 0; round < 4; ++round) {
    publish(20);
    read_and_settle();
    ASSERT_TRUE(eventually([&] { return committed() == end_; })) << "round " << round;
    cluster_.push_errors(MockCluster::kOffsetCommit,
                         {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
                          RD_KAFKA_RESP_ERR_NOT_COORDINATOR});
    if (round % 2 == 0) move_coordinator(1 + (round + 1) % kBrokers);
  }
  publish(20);
  read_and_settle();
  EXPECT_TRUE(eventually([&] { return committed() == end_; }));
  close_in(10s);
  check_positions();
}

TEST_F(KafkaSourceMoves, ReadsAndCommitsOnWhenTheLeaderMoves) {
  open();
  for (int round = 0; round < 8; ++round) {
    publish(20);
    set_leader(cluster_, 0, 1 + (round + 1) % kBrokers);
    publish(20);
    read_and_settle();
    ASSERT_TRUE(eventually([&] { return committed() == end_; })) << "round " << round;
  }
  close_in(10s);
  check_positions();
}

TEST_F(KafkaSourceMoves, CloseIsBoundedAndCommitsNothingWrongWhenTheCoordinatorHasJustMoved) {
  open();
  publish(20);
  read_and_settle();
  ASSERT_TRUE(eventually([&] { return committed() == end_; }));
  auto const before = end_;
  publish(20);
  move_coordinator(2);
  cluster_.push_errors(MockCluster::kOffsetCommit,
                       {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE});
  read_and_settle();
  close_in(10s, false);
  auto const after = committed();  // a refused last commit is not repeated: its messages come again
  EXPECT_TRUE(after == before || after == end_) << after;
}

TEST_F(KafkaSourceMoves, CloseIsBoundedThoughEveryCommitIsRefusedAndTheCoordinatorIsGone) {
  open();
  publish(20);
  read_and_settle();
  ASSERT_TRUE(eventually([&] { return committed() == end_; }));
  cluster_.push_errors(MockCluster::kOffsetCommit,
                       std::vector<rd_kafka_resp_err_t>(1'000, RD_KAFKA_RESP_ERR_NOT_COORDINATOR));
  publish(20);
  read_and_settle();
  move_coordinator(3);
  rd_kafka_mock_broker_set_down(cluster_.get(), 3);
  close_in(2s, false);
}

}  // namespace
}  // namespace fairlead::kafka
