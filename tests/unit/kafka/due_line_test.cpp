#include "kafka/due_line.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;

/// So many milliseconds after both clocks began, which the wall clock may be ahead or behind of.
Instant at(std::chrono::milliseconds steady, std::chrono::milliseconds wall_ahead = 0ms) {
  return {std::chrono::system_clock::time_point(steady + wall_ahead), std::chrono::steady_clock::time_point(steady)};
}

TEST(DueLine, HeadWaitsUntilItIsDue) {
  DueLine<int> line(10s);
  EXPECT_FALSE(line.is_holding());
  line.hold(7, 12'000, at(5s));
  ASSERT_TRUE(line.is_holding());
  EXPECT_EQ(line.wait(at(5s)), 7s);
  EXPECT_EQ(line.wait(at(11'999ms)), 1ms);
  EXPECT_EQ(line.wait(at(12s)), 0s);
  EXPECT_EQ(line.wait(at(20s)), 0s);
  EXPECT_EQ(line.take(), 7);
  EXPECT_FALSE(line.is_holding());
}

TEST(DueLine, MessageThatSaysNoTimeIsDueAtOnce) {
  DueLine<int> line(10s);
  line.hold(7, 0, at(5s));
  EXPECT_EQ(line.wait(at(5s)), 0s);
}

TEST(DueLine, WallClockThatIsSetBackDelaysNoMessageBeyondItsTier) {
  DueLine<int> line(10s);
  line.hold(7, 12'000, at(5s));
  EXPECT_EQ(line.wait(at(6s, -1h)), 9s) << "not an hour";
  EXPECT_EQ(line.wait(at(15s, -1h)), 0s);
}

TEST(DueLine, PublisherWhoseClockRunsAheadDelaysNoMessageBeyondItsTier) {
  DueLine<int> line(10s);
  line.hold(7, 3'600'000, at(5s));
  EXPECT_EQ(line.wait(at(5s)), 10s);
}

TEST(DueLine, WallClockThatIsSetForwardMakesTheMessageDue) {
  DueLine<int> line(10s);
  line.hold(7, 12'000, at(5s));
  EXPECT_EQ(line.wait(at(6s, 1h)), 0s);
}

TEST(DueLine, WhatIsHeldIsReleasedWithTheLine) {
  auto const message = std::make_shared<int>(7);
  {
    DueLine<std::shared_ptr<int>> line(10s);
    line.hold(message, 12'000, at(5s));
    EXPECT_EQ(message.use_count(), 2);
  }
  EXPECT_EQ(message.use_count(), 1);
}

}  // namespace
}  // namespace fairlead::kafka
