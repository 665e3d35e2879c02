#include "support/wait.hpp"
#include "unit/kafka/source_on_a_broker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>

// What a member of a group makes of a topic that changes under it, on a real broker.
namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::FakeIntake;
using test::KafkaSourceOnABroker;
using test::kMuch;
using Clock = std::chrono::steady_clock;

class TopicChanges : public KafkaSourceOnABroker {
 protected:
  void SetUp() override {
    KafkaSourceOnABroker::SetUp();
    if (!broker_) return;
    auto conf = make_conf(client()).value();
    admin_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf.release(), nullptr, 0));
    answers_.reset(rd_kafka_queue_new(admin_.get()));
  }
  void TearDown() override { answers_.reset(); }

  void delete_topic() {
    auto* topic = rd_kafka_DeleteTopic_new(topic_.c_str());
    rd_kafka_DeleteTopics(admin_.get(), &topic, 1, nullptr, answers_.get());
    rd_kafka_DeleteTopic_destroy(topic);
    expect_answer();
  }
  void make_topic_again() {
    broker_ = Broker::open(config_).value();  // another one has not heard of the topic
    broker_->declare(topic_).value();
  }
  void add_partitions(std::size_t total) {
    std::array<char, 256> why{};
    auto* wanted = rd_kafka_NewPartitions_new(topic_.c_str(), total, why.data(), why.size());
    rd_kafka_CreatePartitions(admin_.get(), &wanted, 1, nullptr, answers_.get());
    rd_kafka_NewPartitions_destroy(wanted);
    expect_answer();
  }
  /// What lies before that position.
  void delete_records(std::int64_t position) {
    PartitionListPtr const before(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(before.get(), topic_.c_str(), 0)->offset = position;
    auto* wanted = rd_kafka_DeleteRecords_new(before.get());
    rd_kafka_DeleteRecords(admin_.get(), &wanted, 1, nullptr, answers_.get());
    rd_kafka_DeleteRecords_destroy(wanted);
    expect_answer();
  }
  static bool was_told_of_lost_position(FakeIntake const& intake) {
    auto const reports = intake.reports();
    return std::ranges::any_of(reports, [](Error const& error) {
      return error.message.find("does not keep the group's position any more") != std::string::npos;
    });
  }

 private:
  void expect_answer() {
    EventPtr const answer(rd_kafka_queue_poll(answers_.get(), 30'000));
    ASSERT_TRUE(answer);
    ASSERT_EQ(rd_kafka_event_error(answer.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  std::unique_ptr<rd_kafka_t, DestroyWith<rd_kafka_destroy>> admin_;
  QueuePtr answers_;
};

TEST_F(TopicChanges, PositionThatIsNoLongerKeptIsReportedAndReadingGoesOnAtTheEarliest) {
  publish(0, 100);
  {
    FakeIntake intake(kMuch);
    auto const source = member(intake);
    ASSERT_TRUE(intake.wait_for_messages(100));
    source->settle(intake.seen().front().lane, 9);
    leave(*source, intake);
  }
  delete_records(50);

  FakeIntake intake(kMuch);
  auto const source = member(intake);
  ASSERT_TRUE(intake.wait_for_messages(50));
  EXPECT_EQ(positions_in_last_epoch(intake), all_between(50, 100));
  EXPECT_TRUE(was_told_of_lost_position(intake)) << "40 messages are missing and nobody was told";
  leave(*source, intake);
}

TEST_F(TopicChanges, TopicThatIsDeletedAndMadeAnewIsReadFromItsBeginning) {
  publish(0, 100);
  FakeIntake intake(kMuch);
  auto source = member(intake);
  ASSERT_TRUE(intake.wait_for_messages(100));
  source->settle(intake.seen().front().lane, 99);

  auto const began = Clock::now();
  delete_topic();
  make_topic_again();
  publish(0, 20);

  EXPECT_TRUE(eventually([&] { return intake.seen().size() >= 120; }, 90s)) << intake.seen().size();
  auto const seconds = std::chrono::duration<double>(Clock::now() - began).count();
  std::printf("read again %.1f s after the topic was deleted\n", seconds);
  for (auto const& error : intake.reports()) std::printf("reported: %s\n", error.message.c_str());
  EXPECT_EQ(positions_in_last_epoch(intake), all_between(0, 20));
  // The group's position follows.
  source->settle(intake.seen().back().lane, 19);
  leave(*source, intake);
  FakeIntake again(kMuch);
  source = member(again);
  publish(20, 21);
  ASSERT_TRUE(again.wait_for_messages(1));
  EXPECT_EQ(again.seen().front().position, 20);
  leave(*source, again);
}

TEST_F(TopicChanges, TopicThatIsGoneIsAProblemUntilItIsBack) {
  publish(0, 10);
  FakeIntake intake(kMuch);
  auto const source = member(intake);
  ASSERT_TRUE(intake.wait_for_messages(10));
  auto const began = Clock::now();
  delete_topic();
  ASSERT_TRUE(eventually([&] { return !intake.reports().empty(); }, 90s));
  EXPECT_NE(intake.reports().front().message.find(topic_), std::string::npos) << intake.reports().front().message;
  auto const seconds = std::chrono::duration<double>(Clock::now() - began).count();
  std::printf("reported %.1f s after the topic was deleted: %s\n", seconds, intake.reports().front().message.c_str());

  make_topic_again();
  ASSERT_TRUE(intake.wait_until_recovered());
  publish(0, 10);
  EXPECT_TRUE(eventually([&] { return intake.seen().size() >= 20; }, 90s));
  leave(*source, intake);
}

class PartitionsAdded : public TopicChanges {
 protected:
  [[nodiscard]] int partitions() const override { return 4; }
};

TEST_F(PartitionsAdded, UnderLoadAreReadAsWellAndClosingIsBounded) {
  config_.kafka.conf["topic.metadata.refresh.interval.ms"] = "500";
  broker_ = Broker::open(config_).value();
  FakeIntake intake(kMuch);
  auto const source = member(intake);
  publish(0, 100);
  add_partitions(12);
  int published = 100;
  std::set<std::int32_t> read;
  EXPECT_TRUE(eventually(
      [&] {
        publish(published, published + 100);
        published += 100;
        for (auto const& message : intake.seen()) read.insert(message.partition);
        return read.size() == 12;
      },
      60s))
      << read.size() << " partitions";
  EXPECT_TRUE(eventually([&] {
    std::set<std::string> payloads;
    for (auto const& message : intake.seen()) payloads.insert(message.payload);
    return payloads.size() == static_cast<std::size_t>(published);
  }));
  leave(*source, intake);
}

}  // namespace
}  // namespace fairlead::kafka
