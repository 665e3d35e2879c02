#include "support/wait.hpp"
#include "unit/kafka/mock_cluster.hpp"
#include "unit/kafka/producer_on_a_mock.hpp"
#include "unit/kafka/source_on_a_mock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

// Leaders of partitions and coordinators of groups that move from broker to broker.
namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::KafkaSourceOnAMock;
using test::kBrokers;
using test::kTopic;
using test::MockCluster;
using test::ProducerRig;
using test::read_back;
using test::set_leader;

/// Under load each publish is answered once, and what is confirmed is there.
void move_leaders(bool sometimes_without_one) {
  constexpr int kMoves = 40;
  constexpr int kPerMove = 50;
  constexpr int kPartitions = 4;
  constexpr int kKeys = 16;
  constexpr int kNobody = -1;
  MockCluster cluster(kBrokers);
  cluster.create(kTopic, kPartitions, kBrokers);
  ProducerRig rig(cluster, true, {{"linger.ms", "1"}});
  test::ProducerLoad load(rig, kKeys);
  for (int i = 0; i < kMoves; ++i) {
    // Every fourth time one partition has no leader until all the others have answered.
    bool const is_led = !sometimes_without_one || i % 4 != 3;
    int const away = i / 4 % kPartitions;
    if (!is_led) {
      EXPECT_TRUE(eventually([&] { return rig.answered() == static_cast<std::size_t>(load.allowed()); }));
      set_leader(cluster, away, kNobody);
    }
    load.allow(kPerMove);
    EXPECT_TRUE(eventually([&] { return load.published() >= load.allowed(); }));
    if (!is_led) {
      std::size_t waiting = 0;
      for (int number = load.allowed() - kPerMove; number < load.allowed(); ++number) {
        if (rig.answer(number % kKeys)->partition == away) ++waiting;  // of the same key
      }
      EXPECT_GT(waiting, 0U);
      EXPECT_TRUE(eventually([&] { return rig.answered() + waiting == static_cast<std::size_t>(load.allowed()); }));
      set_leader(cluster, away, 1 + i % kBrokers);
    }
    EXPECT_TRUE(eventually([&] { return rig.answered() + kPerMove > static_cast<std::size_t>(load.allowed()); }));
    for (int partition = 0; partition < kPartitions; ++partition) {
      if (partition % 2 == i % 2) set_leader(cluster, partition, 1 + (i + partition) % kBrokers);
    }
  }
  for (int partition = 0; partition < kPartitions; ++partition) set_leader(cluster, partition, 1);
  EXPECT_TRUE(eventually([&] { return load.published() >= load.allowed(); }));
  load.stop();
  ASSERT_TRUE(rig.wait_for_answers(static_cast<std::size_t>(load.published())));
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
              load.published(), confirmed, stored - copies.size());
  EXPECT_EQ(confirmed, static_cast<std::size_t>(load.published())) << why;
}

TEST(KafkaLeaderMoves, UnderLoadEachPublishIsAnsweredOnceAndWhatIsConfirmedIsThere) { move_leaders(false); }

TEST(KafkaLeaderMoves, PublishesToAPartitionThatHasNoLeaderForAWhileAreAnsweredWhenItHasOneAgain) {
  constexpr int kNamesLeader = 0x020500ff;
  if (rd_kafka_version() >= kNamesLeader) {
    GTEST_SKIP() << "from 2.5 on librdkafka's mock cluster crashes when it should name a leader and there is none";
  }
  move_leaders(true);
}

using KafkaSourceMoves = KafkaSourceOnAMock;

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
  EXPECT_EQ(intake_.seen().back().lane.epoch, intake_.seen().front().lane.epoch) << "the session was lost meanwhile";
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

TEST_F(KafkaSourceMoves, TheLastCommitIsRepeatedWhenTheCoordinatorHasJustMoved) {
  open();
  publish(20);
  read_and_settle();
  ASSERT_TRUE(eventually([&] { return committed() == end_; }));
  publish(20);
  move_coordinator(2);
  cluster_.push_errors(MockCluster::kOffsetCommit,
                       {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE});
  read_and_settle();
  close_in(10s);
  EXPECT_EQ(committed(), end_);
}

TEST_F(KafkaSourceMoves, TheLastCommitIsRepeatedAsLongAsItIsRefusedForTheMoment) {
  open();
  publish(20);
  read_and_settle();
  ASSERT_TRUE(eventually([&] { return committed() == end_; }));
  publish(20);
  // More than librdkafka itself repeats, and one that it passes on at once.
  cluster_.push_errors(
      MockCluster::kOffsetCommit,
      {RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
       RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
       RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE});
  read_and_settle();
  close_in(20s);
  EXPECT_EQ(committed(), end_);
  EXPECT_FALSE(says_that_settlements_are_lost());
}

TEST_F(KafkaSourceMoves, TheLastCommitIsRepeatedAfterWhateverElseIsWorthARetry) {
  open();
  publish(20);
  cluster_.push_errors(MockCluster::kOffsetCommit,
                       std::vector<rd_kafka_resp_err_t>(5, RD_KAFKA_RESP_ERR_UNKNOWN));  // no word on the coordinator
  read_and_settle();
  close_in(20s);
  EXPECT_EQ(committed(), end_);
  EXPECT_FALSE(says_that_settlements_are_lost());
}

class KafkaLastCommit : public KafkaSourceOnAMock, public testing::WithParamInterface<rd_kafka_resp_err_t> {};
INSTANTIATE_TEST_SUITE_P(RefusedWith, KafkaLastCommit,
                         testing::Values(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                         RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
                                         RD_KAFKA_RESP_ERR__FATAL),
                         [](auto const& code) { return std::string(rd_kafka_err2name(code.param)); });

TEST_P(KafkaLastCommit, ThatIsRefusedForGoodIsNotRepeatedAndSaidInTheLog) {
  open();
  publish(20);
  read_and_settle();
  ASSERT_TRUE(eventually([&] { return committed() == end_; }));
  auto const before = end_;
  publish(20);
  cluster_.push_errors(MockCluster::kOffsetCommit, std::vector<rd_kafka_resp_err_t>(1'000, GetParam()));
  read_and_settle();
  close_in(60s);
  EXPECT_LT(closed_in_, 30s) << "it is not worth another try";
  EXPECT_EQ(committed(), before);
  EXPECT_TRUE(says_that_settlements_are_lost());
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
  EXPECT_TRUE(says_that_settlements_are_lost());
}

}  // namespace
}  // namespace fairlead::kafka
