#include "kafka/kafka_commits.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <vector>

namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;
using Offsets = std::vector<KafkaCommits::Offset>;

KafkaCommits::Clock::time_point at(std::chrono::milliseconds time) { return KafkaCommits::Clock::time_point(time); }

constexpr Lane kFirst{0, 1};
constexpr Lane kSecond{1, 1};

TEST(KafkaCommits, WhatIsSettledIsCommittedAtOnceAndThenEveryFiveMilliseconds) {
  KafkaCommits commits{SettleConfig{}};
  commits.open(kFirst);
  EXPECT_EQ(commits.due(), std::nullopt);
  EXPECT_TRUE(commits.settle(kFirst, 0, at(100ms))) << "the source has to be woken";
  EXPECT_EQ(commits.due(), at(100ms));
  EXPECT_FALSE(commits.settle(kFirst, 1, at(101ms))) << "it knows already";
  EXPECT_EQ(commits.begin(at(102ms)), (Offsets{{0, 2}}));
  commits.end(true, at(103ms));
  EXPECT_TRUE(commits.settle(kFirst, 2, at(104ms)));
  EXPECT_EQ(commits.due(), at(107ms));
}

TEST(KafkaCommits, CommitWaitsForTheIntervalFromTheFirstSettlement) {
  KafkaCommits commits{SettleConfig{64, 200ms}};
  commits.open(kFirst);
  EXPECT_TRUE(commits.settle(kFirst, 10, at(1'000ms)));
  EXPECT_FALSE(commits.settle(kFirst, 11, at(1'100ms)));
  EXPECT_EQ(commits.due(), at(1'200ms));
  EXPECT_EQ(commits.begin(at(1'200ms)), (Offsets{{0, 12}}));
  commits.end(true, at(1'206ms));
  EXPECT_EQ(commits.due(), std::nullopt);
}

TEST(KafkaCommits, EnoughMessagesAreCommittedBeforeTheInterval) {
  KafkaCommits commits{SettleConfig{10, 200ms}};
  commits.open(kFirst);
  commits.open(kSecond);
  EXPECT_TRUE(commits.settle(kFirst, 0, at(1'000ms)));
  EXPECT_FALSE(commits.settle(kFirst, 5, at(1'001ms))) << "six messages in all";
  EXPECT_EQ(commits.due(), at(1'200ms));
  EXPECT_FALSE(commits.settle(kSecond, 50, at(1'002ms))) << "one more: where the lane began is not known";
  EXPECT_TRUE(commits.settle(kSecond, 53, at(1'003ms)));
  EXPECT_EQ(commits.due(), at(1'003ms));
  EXPECT_EQ(commits.begin(at(1'003ms)), (Offsets{{0, 6}, {1, 54}}));
  commits.end(true, at(1'004ms));
  EXPECT_TRUE(commits.settle(kFirst, 6, at(1'005ms)));
  EXPECT_EQ(commits.due(), at(1'205ms)) << "counted from nothing again";
}

TEST(KafkaCommits, NothingWaitsAnyMoreOnceTheSourceStops) {
  KafkaCommits commits{SettleConfig{1'000, 10s}};
  commits.open(kFirst);
  (void)commits.settle(kFirst, 0, at(100ms));
  EXPECT_EQ(commits.due(), at(10'100ms));
  commits.hurry(at(200ms));
  EXPECT_EQ(commits.due(), at(200ms));
  (void)commits.begin(at(200ms));
  commits.end(true, at(206ms));
  (void)commits.settle(kFirst, 1, at(300ms));
  EXPECT_EQ(commits.due(), at(300ms));
}

TEST(KafkaCommits, OneCommitIsInFlightAndTheNextOneHasTheNewest) {
  KafkaCommits commits{SettleConfig{}};
  commits.open(kFirst);
  (void)commits.settle(kFirst, 0, at(0ms));
  EXPECT_EQ(commits.begin(at(0ms)), (Offsets{{0, 1}}));
  EXPECT_TRUE(commits.in_flight());
  EXPECT_FALSE(commits.settle(kFirst, 7, at(1ms)));
  EXPECT_FALSE(commits.settle(kFirst, 4, at(2ms))) << "they may come out of order";
  EXPECT_EQ(commits.due(), std::nullopt);
  commits.end(true, at(9ms));
  EXPECT_EQ(commits.due(), at(5ms));
  EXPECT_EQ(commits.begin(at(9ms)), (Offsets{{0, 8}}));
}

TEST(KafkaCommits, FailedCommitIsRepeatedLaterAndLaterWhateverTheInterval) {
  KafkaCommits commits{SettleConfig{1'000, 10s}};
  commits.open(kFirst);
  (void)commits.settle(kFirst, 0, at(0ms));
  (void)commits.begin(at(10'000ms));
  commits.end(false, at(10'000ms));
  EXPECT_EQ(commits.due(), at(10'100ms));
  EXPECT_EQ(commits.begin(at(10'100ms)), (Offsets{{0, 1}}));
  commits.end(false, at(10'100ms));
  EXPECT_EQ(commits.due(), at(10'300ms));
}

TEST(KafkaCommits, SettlementsOfAnEarlierEpochOrOfAClosedLaneAreDropped) {
  KafkaCommits commits{SettleConfig{}};
  commits.open({0, 2});
  EXPECT_FALSE(commits.settle({0, 1}, 5, at(0ms)));
  EXPECT_FALSE(commits.settle({9, 1}, 5, at(0ms)));
  commits.close({0, 2});
  EXPECT_FALSE(commits.settle({0, 2}, 5, at(0ms)));
  EXPECT_EQ(commits.due(), std::nullopt);
  EXPECT_TRUE(commits.begin(at(0ms)).empty());
  EXPECT_FALSE(commits.in_flight());
}

TEST(KafkaCommits, RestartedLaneIsCommittedWhereItGoesOnAlsoWhenThatIsBehind) {
  KafkaCommits commits{SettleConfig{64, 200ms}};
  commits.open(kFirst);
  (void)commits.settle(kFirst, 99, at(0ms));
  EXPECT_EQ(commits.begin(at(200ms)), (Offsets{{0, 100}}));
  commits.end(true, at(206ms));

  commits.restart({0, 2}, 10, at(300ms));
  EXPECT_FALSE(commits.settle(kFirst, 120, at(301ms))) << "given up";
  EXPECT_EQ(commits.due(), at(300ms));
  EXPECT_EQ(commits.begin(at(300ms)), (Offsets{{0, 10}}));
  commits.end(true, at(306ms));
  EXPECT_FALSE(commits.settle({0, 2}, 9, at(400ms))) << "before its beginning";
  EXPECT_TRUE(commits.settle({0, 2}, 10, at(400ms)));
  EXPECT_EQ(commits.begin(at(600ms)), (Offsets{{0, 11}}));
}

TEST(KafkaCommits, CommitInFlightDoesNotCountForALaneThatWasRestartedMeanwhile) {
  KafkaCommits commits{SettleConfig{}};
  commits.open(kFirst);
  (void)commits.settle(kFirst, 99, at(0ms));
  (void)commits.begin(at(0ms));
  commits.restart({0, 2}, 0, at(1ms));
  commits.end(true, at(6ms));
  EXPECT_EQ(commits.begin(at(6ms)), (Offsets{{0, 0}}));
}

}  // namespace
}  // namespace fairlead::kafka
