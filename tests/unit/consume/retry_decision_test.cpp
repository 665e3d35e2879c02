#include "consume/retry_decision.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using Kind = RetryDecision::Kind;

RetryConfig const kRetry{.max_attempts = 4, .initial = 100ms, .max = 300ms, .multiplier = 2.0};

class RetryDecisionTest : public testing::Test {
 protected:
  RetryDecision decide(Outcome outcome, std::uint32_t attempt, bool keeps_dead_letters = true) {
    return decide_retry(std::move(outcome), attempt, kRetry, keeps_dead_letters, random_);
  }

 private:
  std::mt19937_64 random_{1};
};

TEST_F(RetryDecisionTest, AckIsDone) { EXPECT_EQ(decide(ack(), 1).kind, Kind::kDone); }

TEST_F(RetryDecisionTest, RetryIsHandledAgainUntilTheLastAttempt) {
  for (std::uint32_t attempt = 1; attempt < 4; ++attempt) EXPECT_EQ(decide(retry("x"), attempt).kind, Kind::kRetry);
  auto const last = decide(retry("database down"), 4);
  EXPECT_EQ(last.kind, Kind::kDeadLetter);
  EXPECT_EQ(last.reason, "database down");
}

TEST_F(RetryDecisionTest, DelaysUseTheWholeRangeUpToTheBackoffAndNoMore) {
  std::chrono::milliseconds const ceilings[] = {100ms, 200ms, 300ms};
  for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
    auto shortest = 1h + 0ms;
    auto longest = 0ms;
    for (int i = 0; i < 2000; ++i) {
      auto const delay = decide(retry(), attempt).delay;
      shortest = std::min<std::chrono::milliseconds>(shortest, delay);
      longest = std::max(longest, delay);
    }
    auto const ceiling = ceilings[attempt - 1];
    EXPECT_LE(shortest, ceiling / 20);
    EXPECT_GE(longest, ceiling - ceiling / 20);
    EXPECT_LE(longest, ceiling);
  }
}

TEST_F(RetryDecisionTest, DelayTheHandlerAskedForIsKept) {
  EXPECT_EQ(decide(retry(7s), 1).delay, 7s);
  EXPECT_EQ(decide(retry(-1s), 1).delay, 0s);
}

TEST_F(RetryDecisionTest, RejectGivesUpAtOnce) {
  auto const decision = decide(reject("no such account"), 1);
  EXPECT_EQ(decision.kind, Kind::kDeadLetter);
  EXPECT_EQ(decision.reason, "no such account");
}

TEST_F(RetryDecisionTest, WithoutDeadLettersWhatIsGivenUpIsDropped) {
  EXPECT_EQ(decide(reject("x"), 1, false).kind, Kind::kDrop);
  EXPECT_EQ(decide(retry("x"), 4, false).kind, Kind::kDrop);
}

TEST_F(RetryDecisionTest, ReasonIsNeverEmpty) {
  EXPECT_FALSE(decide(reject(""), 1).reason.empty());
  EXPECT_FALSE(decide(retry(), 1).reason.empty());
}

}  // namespace
}  // namespace fairlead
