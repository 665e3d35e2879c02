#include "support/resources.hpp"
#include "support/wait.hpp"
#include "unit/kafka/mock_cluster.hpp"
#include "unit/kafka/producer_on_a_mock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

// What becomes of publishes when librdkafka's producer fails for good (rd_kafka_fatal_error).
namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::kTopic;
using test::MockCluster;
using test::read_back;
using Rig = test::ProducerRig;
using Clock = std::chrono::steady_clock;

/// FAIRLEAD_FAILURES makes a longer run of it.
int number_of_failures() {
  char const* const wanted = std::getenv("FAIRLEAD_FAILURES");
  return wanted != nullptr ? std::atoi(wanted) : 100;
}

TEST(KafkaProducerRebuild, AHandleThatFailedForGoodIsReplacedAndWhatItLeftIsPublishedAgain) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  rd_kafka_mock_broker_set_down(cluster.get(), 1);  // so that everything is still queued
  Rig rig(cluster);
  for (int i = 0; i < 100; ++i) rig.publish(i, "k");

  rig.fail();
  for (int i = 100; i < 200; ++i) rig.publish(i, "k");  // while there is no sound handle
  ASSERT_TRUE(eventually([&] { return rig.rebuilds() == 1; }));
  rd_kafka_mock_broker_set_up(cluster.get(), 1);

  ASSERT_TRUE(rig.wait_for_answers(200));
  for (auto const& [number, results] : rig.answers()) {
    ASSERT_EQ(results.size(), 1U) << number;
    EXPECT_TRUE(results[0]) << number << ": " << results[0].error().message;
  }
  auto const stored = read_back(cluster, 1).at(0);
  ASSERT_EQ(stored.size(), 200U);
  for (int i = 0; i < 200; ++i) {
    auto const& message = stored[static_cast<std::size_t>(i)];
    EXPECT_EQ(message.number, i);
    EXPECT_EQ(message.key, "k");
    EXPECT_EQ(message.header, std::to_string(i));
  }
}

TEST(KafkaProducerRebuild, AHandleThatFailsWhileItTakesWhatTheLastOneLeftIsReplacedAsWell) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  rd_kafka_mock_broker_set_down(cluster.get(), 1);
  Rig rig(cluster, true, {}, {10ms, 10ms, 1.0});
  for (int i = 0; i < 100; ++i) rig.publish(i, "k");
  rig.fails_at = 30;
  rig.fail();
  for (int i = 100; i < 200; ++i) rig.publish(i, "k");
  ASSERT_TRUE(eventually([&] { return rig.rebuilds() == 2; }));
  rd_kafka_mock_broker_set_up(cluster.get(), 1);

  ASSERT_TRUE(rig.wait_for_answers(200));
  auto const stored = read_back(cluster, 1).at(0);
  ASSERT_EQ(stored.size(), 200U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(stored[static_cast<std::size_t>(i)].number, i);
}

TEST(KafkaProducerRebuild, WhatWaitsInLineEndsByItsDeadlineAsNeverSent) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster, true, {}, {10ms, 10ms, 1.0});
  rig.publish(0, "k");
  ASSERT_TRUE(rig.wait_for_answers(1));
  rig.no_more_handles = true;
  rig.fail();
  rig.publish(1, "k", 1s);
  rig.publish(2, "k");
  ASSERT_TRUE(rig.wait_for_answers(2));
  ASSERT_FALSE(rig.answer(1));
  EXPECT_FALSE(rig.answer(1).error().maybe_applied) << rig.answer(1).error().message;
  EXPECT_EQ(rig.health().state, ConnectionState::kConnecting);
  EXPECT_TRUE(rig.health().problem);

  rig.no_more_handles = false;
  ASSERT_TRUE(rig.wait_for_answers(3));
  EXPECT_TRUE(rig.answer(2));
  EXPECT_TRUE(rig.health().is_healthy());
  EXPECT_EQ(read_back(cluster, 1).at(0).size(), 2U);
}

TEST(KafkaProducerHealth, SaysThatNoBrokerIsLeftAndThatOneIsBackThoughNothingIsPublished) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster);
  rig.publish(0, "k");
  ASSERT_TRUE(rig.wait_for_answers(1));
  EXPECT_TRUE(rig.health().is_healthy());

  rd_kafka_mock_broker_set_down(cluster.get(), 1);
  ASSERT_TRUE(eventually([&] { return rig.health().state == ConnectionState::kConnecting; }));
  ASSERT_TRUE(rig.health().problem);
  auto const code = rig.health().problem->code;
  EXPECT_TRUE(code == Errc::kNotConnected || code == Errc::kConnectionLost) << rig.health().problem->message;

  rd_kafka_mock_broker_set_up(cluster.get(), 1);
  ASSERT_TRUE(eventually([&] { return rig.health().is_healthy(); }));
  EXPECT_EQ(rig.health().reconnects, 1U);
}

TEST(KafkaProducerRebuild, FatalAnswersOfTheBrokerAreSurvived) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster);
  rig.publish(0, "k");
  ASSERT_TRUE(rig.wait_for_answers(1));
  for (int number = 1; number <= 2; ++number) {
    cluster.push_errors(MockCluster::kProduce, {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
    rig.publish(number, "k");
    ASSERT_TRUE(rig.wait_for_answers(static_cast<std::size_t>(number) + 1));
    EXPECT_EQ(rig.rebuilds(), static_cast<std::uint64_t>(number));
    EXPECT_TRUE(rig.answer(number));
  }
  auto const told = rig.log().entries("kafka");
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), [](auto const& entry) {
    return entry.text.find("failed for good and is made anew: ") != std::string::npos &&
           entry.text.find("sequence desynchronization") != std::string::npos;
  }));
}

TEST(KafkaProducerRebuild, ManyFailuresUnderLoadLoseNothingAndAnswerEachPublishOnce) {
  int const failures = number_of_failures();
  constexpr int kPerFailure = 50;
  constexpr int kPartitions = 4;
  constexpr int kKeys = 16;
  MockCluster cluster;
  cluster.create(kTopic, kPartitions);
  Rig rig(cluster, true, {{"linger.ms", "1"}}, {10ms, 100ms, 2.0});
  test::ProducerLoad load(rig, kKeys);
  auto const began = Clock::now();
  std::chrono::nanoseconds longest{0};
  for (int i = 0; i < failures; ++i) {
    load.allow(kPerFailure);
    auto const answered = rig.answered();
    EXPECT_TRUE(eventually([&] { return rig.answered() > answered; }));
    auto const failed_at = Clock::now();
    rig.fail();
    ASSERT_TRUE(eventually([&] { return rig.rebuilds() == static_cast<std::uint64_t>(i) + 1; }, 10s));
    longest = std::max<std::chrono::nanoseconds>(longest, Clock::now() - failed_at);
  }
  load.stop();
  ASSERT_TRUE(rig.wait_for_answers(static_cast<std::size_t>(load.published())));
  rig.close();
  EXPECT_EQ(rig.pending(), 0U);

  std::size_t confirmed = 0;
  auto const answers = rig.answers();
  std::map<int, int> copies;
  std::size_t stored = 0;
  for (auto const& [partition, messages] : read_back(cluster, kPartitions)) {
    std::map<std::string, int> newest;
    for (auto const& message : messages) {
      ++stored;
      if (++copies[message.number] > 1) continue;  // a copy of one that was there before
      auto const [last, is_first] = newest.try_emplace(message.key, message.number);
      EXPECT_TRUE(is_first || last->second < message.number) << "order of key " << message.key;
      last->second = message.number;
    }
  }
  for (auto const& [number, results] : answers) {
    ASSERT_EQ(results.size(), 1U) << number;
    if (!results[0]) {
      EXPECT_TRUE(results[0].error().maybe_applied || copies.count(number) == 0) << results[0].error().message;
      continue;
    }
    ++confirmed;
    EXPECT_EQ(copies.count(number), 1U) << "confirmed and lost: " << number;
  }
  auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(longest).count();
  std::printf("%d failures in %.1f s: %d published, %zu confirmed, %zu stored twice, longest rebuild %lld ms\n",
              failures, std::chrono::duration<double>(Clock::now() - began).count(), load.published(), confirmed,
              stored - copies.size(), static_cast<long long>(ms));
  EXPECT_EQ(confirmed, static_cast<std::size_t>(load.published()));
}

TEST(KafkaProducerRebuild, MemoryDescriptorsAndThreadsStayAsTheyWere) {
  int const failures = number_of_failures();
  int const warm_up = failures / 5;
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster, true, {{"linger.ms", "1"}}, {10ms, 10ms, 1.0});
  test::Resources before;
  for (int i = 0; i < failures; ++i) {
    if (i == warm_up) before = test::Resources::now();
    rig.publish(i, "k");
    ASSERT_TRUE(rig.wait_for_answers(static_cast<std::size_t>(i) + 1));
    if (i % 2 == 0) {
      auto const reconnects = rig.rebuilds();
      rig.fail();
      ASSERT_TRUE(eventually([&] { return rig.rebuilds() > reconnects; }));
    } else {
      rd_kafka_mock_broker_set_down(cluster.get(), 1);  // its connections are cut
      rd_kafka_mock_broker_set_up(cluster.get(), 1);
    }
  }
  auto const is_flat = [&] {
    auto const now = test::Resources::now();
    // An ended handle goes on a thread of its own, in its own time.
    return now.descriptors <= before.descriptors + 4 && now.threads <= before.threads + 4;
  };
  EXPECT_TRUE(eventually(is_flat));
  auto const after = test::Resources::now();
  std::printf("%d lost handles and connections: resident %zu -> %zu KiB, descriptors %zu -> %zu, threads %zu -> %zu\n",
              failures, before.resident_kib, after.resident_kib, before.descriptors, after.descriptors, before.threads,
              after.threads);
  EXPECT_LE(after.resident_kib, before.resident_kib + (test::kIsSanitized ? 1'000'000 : 16'384));
}

TEST(KafkaProducerRebuild, ReportedInsteadOfPublishedAgainWhenSoConfigured) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  rd_kafka_mock_broker_set_down(cluster.get(), 1);
  Rig rig(cluster, false);
  rig.publish(0, "k");

  rig.fail();
  ASSERT_TRUE(rig.wait_for_answers(1));
  ASSERT_FALSE(rig.answer(0));
  EXPECT_EQ(rig.answer(0).error().code, Errc::kConnectionLost);
  EXPECT_FALSE(rig.answer(0).error().maybe_applied) << "it was never sent";

  rd_kafka_mock_broker_set_up(cluster.get(), 1);
  rig.publish(1, "k");
  ASSERT_TRUE(rig.wait_for_answers(2));
  EXPECT_TRUE(rig.answer(1)) << "the next handle works";
  EXPECT_EQ(read_back(cluster, 1).at(0).size(), 1U);
}

// Two batches on their way, of which the leader refuses the first: librdkafka calls it "implicitly acked" when the
// second succeeds, though it is in no log.
void publish_two_and_refuse_the_first(MockCluster const& cluster, Rig& rig) {
  rd_kafka_mock_broker_set_rtt(cluster.get(), 1, 200);
  rd_kafka_mock_push_request_errors(cluster.get(), MockCluster::kProduce, 1,
                                    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
  rig.publish(0, "k");
  rig.publish(1, "k");
}

TEST(KafkaProducerReports, SuccessOfALaterBatchDoesNotConfirmARefusedOneWhichIsSentAgain) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster, true, {{"linger.ms", "0"}, {"batch.num.messages", "1"}});
  publish_two_and_refuse_the_first(cluster, rig);
  ASSERT_TRUE(rig.wait_for_answers(2));
  std::vector<int> stored;
  auto const log = read_back(cluster, 1);
  for (auto const& message : log.at(0)) stored.push_back(message.number);
  for (auto const& [number, results] : rig.answers()) {
    EXPECT_TRUE(results.at(0));
    EXPECT_GE(results.at(0)->position, 0);
    EXPECT_EQ(std::count(stored.begin(), stored.end(), number), 1) << "confirmed and lost: " << number;
  }
}

TEST(KafkaProducerReports, SuccessOfALaterBatchIsNoConfirmationWhenUnconfirmedOnesAreReported) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster, false, {{"linger.ms", "0"}, {"batch.num.messages", "1"}});
  publish_two_and_refuse_the_first(cluster, rig);
  ASSERT_TRUE(rig.wait_for_answers(2));
  ASSERT_FALSE(rig.answer(0));
  EXPECT_TRUE(rig.answer(0).error().maybe_applied);
  EXPECT_TRUE(rig.answer(1));
}

TEST(KafkaProducerRebuild, OnceItMayHaveBeenPersistedAMessageNeverEndsAsNotPersisted) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster);
  rig.publish(0, "k");
  ASSERT_TRUE(rig.wait_for_answers(1));
  rd_kafka_mock_broker_set_rtt(cluster.get(), 1, 60'000);  // in flight from here on
  rig.publish(1, "k", 4s);
  ASSERT_TRUE(eventually([&] { return rig.produce_requests() == 2; }));

  rig.fail();
  ASSERT_TRUE(eventually([&] { return rig.rebuilds() == 1; }));
  rig.close(100ms);  // the next handle has not sent it

  ASSERT_TRUE(rig.wait_for_answers(2));
  ASSERT_FALSE(rig.answer(1));
  EXPECT_TRUE(rig.answer(1).error().maybe_applied) << rig.answer(1).error().message;
}

TEST(KafkaProducerRebuild, ClosingIsNotHeldUpByHandlesThatFailAgainAndAgain) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  rd_kafka_mock_broker_set_down(cluster.get(), 1);
  Rig rig(cluster, true, {}, {10ms, 100ms, 2.0});
  for (int i = 0; i < 10; ++i) rig.publish(i, "k");
  for (std::uint64_t i = 0; i < 5; ++i) {
    rig.fail();
    ASSERT_TRUE(eventually([&] { return rig.rebuilds() > i; }));
  }
  rig.fail();
  rig.publish(10, "k");

  rig.close(500ms);

  ASSERT_TRUE(rig.wait_for_answers(11));
  for (auto const& [number, results] : rig.answers()) {
    EXPECT_EQ(results.size(), 1U) << number;
    ASSERT_FALSE(results[0]) << number;
    EXPECT_FALSE(results[0].error().maybe_applied) << "never sent: " << number;
  }
  EXPECT_EQ(rig.pending(), 0U);
}

TEST(KafkaProducerRebuild, AHandleThatDoesNotEndIsLeftBehindAndSaidSo) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  auto rig = std::make_unique<Rig>(cluster);
  auto const client = rig->client();
  rd_kafka_topic_t* const forgotten =
      rd_kafka_topic_new(client.get(), "forgotten", nullptr);  // destroying waits for it

  rig->close(300ms);

  auto const told = rig->log().entries("kafka");
  ASSERT_FALSE(told.empty());
  EXPECT_NE(told.back().text.find("left behind"), std::string::npos) << told.back().text;
  rd_kafka_topic_destroy(forgotten);
}

}  // namespace
}  // namespace fairlead::kafka
