#include "amqp/settlement.hpp"

#include "support/resources.hpp"
#include "support/wait.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace fairlead::amqp {
namespace {

using Wake = Settlement::Wake;
constexpr std::uint64_t kBatch = 4;

TEST(Settlement, TheFirstOneAfterAnAckWakesAndTheNextDoNot) {
  Settlement settlement;
  settlement.restart(1);
  EXPECT_EQ(settlement.settle(1, 1, kBatch), Wake::kSoon);
  EXPECT_EQ(settlement.settle(1, 2, kBatch), Wake::kNo);
  EXPECT_EQ(settlement.take(), 2u);
  EXPECT_EQ(settlement.settle(1, 3, kBatch), Wake::kSoon);
}

TEST(Settlement, AFullBatchWakesOnceMore) {
  Settlement settlement;
  settlement.restart(1);
  EXPECT_EQ(settlement.settle(1, 1, kBatch), Wake::kSoon);
  EXPECT_EQ(settlement.settle(1, 4, kBatch), Wake::kNow);
  EXPECT_EQ(settlement.settle(1, 5, kBatch), Wake::kNo);
  EXPECT_TRUE(settlement.is_urgent());
  EXPECT_EQ(settlement.take(), 5u);
  EXPECT_FALSE(settlement.is_urgent());
}

TEST(Settlement, TheHighestPositionCounts) {
  Settlement settlement;
  settlement.restart(1);
  (void)settlement.settle(1, 9, kBatch);
  EXPECT_EQ(settlement.settle(1, 7, kBatch), Wake::kNo);
  EXPECT_EQ(settlement.take(), 9u);
  EXPECT_EQ(settlement.take(), 0u) << "nothing new";
}

TEST(Settlement, WhatIsSettledAfterItWasTakenIsNotAckedYet) {
  Settlement settlement;
  settlement.restart(1);
  (void)settlement.settle(1, 1, kBatch);
  EXPECT_EQ(settlement.take(), 1u);
  EXPECT_EQ(settlement.settle(1, 2, kBatch), Wake::kSoon) << "so that it is taken as well";
  EXPECT_EQ(settlement.taken(), 1u);
  EXPECT_EQ(settlement.take(), 2u);
  EXPECT_EQ(settlement.taken(), 2u);
}

TEST(Settlement, OfAnEarlierEpochIsDropped) {
  Settlement settlement;
  settlement.restart(1);
  (void)settlement.settle(1, 100, kBatch);
  settlement.restart(2);
  EXPECT_EQ(settlement.settle(1, 101, kBatch), Wake::kNo);
  EXPECT_EQ(settlement.take(), 0u);
  EXPECT_EQ(settlement.settle(2, 1, kBatch), Wake::kSoon);
  EXPECT_EQ(settlement.take(), 1u);
}

TEST(Settlement, NoWakeIsLostBetweenWorkersAndTheIoThread) {
  constexpr std::uint64_t kRounds = test::kIsSanitized ? 50'000 : 500'000;
  constexpr std::uint64_t kMost = 32;  // in one of them: the last ones come while the first is being taken
  auto const deadline = std::chrono::steady_clock::now() + test::kPatience;
  Settlement settlement;
  settlement.restart(1);
  std::atomic<int> wakes{0};
  std::atomic<bool> is_over{false};
  std::thread worker([&] {
    std::uint64_t tag = 0;
    bool is_stuck = false;
    for (std::uint64_t round = 0; round < kRounds && !is_stuck; ++round) {
      for (std::uint64_t i = 0; i <= round % kMost; ++i) {
        if (settlement.settle(1, ++tag, 1'000'000) != Wake::kNo) ++wakes;
      }
      while (settlement.taken() < tag && !is_stuck) {
        std::this_thread::yield();
        is_stuck = std::chrono::steady_clock::now() > deadline;
      }
    }
    EXPECT_FALSE(is_stuck) << "at " << tag << ", taken: " << settlement.taken();
    is_over = true;
  });
  // Takes only when told, as the I/O thread does: a lost wake leaves the last positions of a round behind.
  for (int answered = 0; !is_over;) {
    if (answered == wakes.load()) {
      std::this_thread::yield();
      continue;
    }
    ++answered;
    (void)settlement.take();
  }
  worker.join();
}

}  // namespace
}  // namespace fairlead::amqp
