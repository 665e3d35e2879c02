#include "support/wait.hpp"
#include "unit/kafka/mock_cluster.hpp"
#include "unit/kafka/producer_on_a_mock.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <map>
#include <string>

// Publishes whose own deadline is far below publish.deadline, while the broker answers late or not at all.
namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::kTopic;
using test::MockCluster;
using test::ProducerRig;
using test::read_back;

constexpr std::array kDeadlines{50ms, 100ms, 250ms, 500ms};
constexpr int kMessages = 80;
constexpr int kMore = 10;
constexpr auto kLate = 3s;  // on a busy machine

class KafkaShortDeadlines : public testing::TestWithParam<std::chrono::milliseconds> {
 protected:
  KafkaShortDeadlines() { cluster_.create(kTopic, 1); }

  /// A producer that has no id yet asks for it every half a second only, and gives up what is published meanwhile when
  /// publish.deadline is as short.
  void begin() {
    publish_until_confirmed();
    first_ = static_cast<int>(rig_.answered());
  }
  void publish_all() {
    for (int i = first_; i < first_ + kMessages; ++i) {
      rig_.publish(i, "k", kDeadlines[static_cast<std::size_t>(i) % kDeadlines.size()]);
    }
  }
  /// These outlast the time that librdkafka tries, if publish.deadline is short.
  void publish_more() {
    for (int i = 0; i < kMore; ++i) rig_.publish(first_ + kMessages + i, "k", 3s);
  }
  [[nodiscard]] bool wait_for_answers(int count) {
    return rig_.wait_for_answers(static_cast<std::size_t>(first_ + count));
  }
  void publish_until_confirmed() {
    ASSERT_TRUE(eventually([&] {
      auto const number = static_cast<int>(rig_.answered());
      rig_.publish(number, "k", 10s);
      return rig_.wait_for_answers(static_cast<std::size_t>(number) + 1) && rig_.answer(number);
    }));
  }
  /// Until librdkafka is done with what was answered long ago.
  void heal() {
    rd_kafka_mock_broker_set_rtt(cluster_.get(), 1, 0);
    rd_kafka_mock_broker_set_up(cluster_.get(), 1);
    ASSERT_TRUE(eventually([&] { return rig_.pending() == 0; }));
    publish_until_confirmed();
  }
  void check_answers() {
    rig_.close();
    EXPECT_TRUE(eventually([&] { return rig_.pending() == 0; }));
    EXPECT_LT(rig_.latest(), kLate);
    std::map<int, int> copies;
    auto const log = read_back(cluster_, 1);
    for (auto const& message : log.at(0)) ++copies[message.number];
    for (auto const& [number, results] : rig_.answers()) {
      ASSERT_EQ(results.size(), 1U) << number;
      int const counted = number < first_ ? 0 : 1;
      if (results[0]) {
        confirmed_ += counted;
        EXPECT_TRUE(copies.contains(number)) << "confirmed and lost: " << number;
      } else if (results[0].error().maybe_applied) {
        unknown_ += counted;
      } else {
        not_persisted_ += counted;
        EXPECT_FALSE(copies.contains(number)) << number << " is there: " << results[0].error().message;
      }
    }
    std::printf("%d confirmed, %d unknown, %d not persisted, %zu in the log, latest answer %lld ms late\n", confirmed_,
                unknown_, not_persisted_, copies.size(), static_cast<long long>(rig_.latest().count()));
  }

  MockCluster cluster_;
  ProducerRig rig_{cluster_, true, {{"linger.ms", "1"}}, {1h, 1h, 1.0}, GetParam()};
  int first_ = 0;
  int confirmed_ = 0;
  int unknown_ = 0;
  int not_persisted_ = 0;
};

TEST_P(KafkaShortDeadlines, AreKeptWhileTheBrokerIsDown) {
  ASSERT_NO_FATAL_FAILURE(begin());
  rd_kafka_mock_broker_set_down(cluster_.get(), 1);
  publish_all();
  publish_more();
  ASSERT_TRUE(wait_for_answers(kMessages + kMore));
  heal();
  check_answers();
  EXPECT_GT(not_persisted_ + unknown_, 0);
  EXPECT_TRUE(GetParam() > 500ms || not_persisted_ >= kMore);
}

TEST_P(KafkaShortDeadlines, AreKeptWhileTheBrokerIsSlow) {
  ASSERT_NO_FATAL_FAILURE(begin());
  rd_kafka_mock_broker_set_rtt(cluster_.get(), 1, 700);
  publish_all();
  ASSERT_TRUE(wait_for_answers(kMessages));
  heal();
  check_answers();
  EXPECT_GE(unknown_, 1);
}

TEST_P(KafkaShortDeadlines, AreKeptWhenTheConnectionIsCutBeforeTheAnswer) {
  ASSERT_NO_FATAL_FAILURE(begin());
  rd_kafka_mock_broker_set_rtt(cluster_.get(), 1, 10'000);  // written, and the answer never comes
  auto const requests = rig_.produce_requests();
  publish_all();
  publish_more();
  ASSERT_TRUE(eventually([&] { return rig_.produce_requests() > requests; }));
  rd_kafka_mock_broker_set_down(cluster_.get(), 1);
  ASSERT_TRUE(wait_for_answers(kMessages + kMore));
  heal();
  check_answers();
  EXPECT_GE(unknown_, 1);
}

INSTANTIATE_TEST_SUITE_P(PublishDeadlineMs, KafkaShortDeadlines, testing::Values(500ms, 30'000ms),
                         [](auto const& set) { return std::to_string(set.param.count()); });

}  // namespace
}  // namespace fairlead::kafka
