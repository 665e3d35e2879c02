#include "consume/handler_watch.hpp"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

constexpr auto kStart = HandlerWatch::Clock::time_point{} + 1h;

TEST(HandlerWatch, ReportsAHandlerThatRunsPastItsTimeoutOnce) {
  HandlerWatch watch;
  Inbound message;
  message.partition = 3;
  message.position = 42;
  watch.begin(message);
  EXPECT_FALSE(watch.check(kStart, 10s));
  EXPECT_FALSE(watch.check(kStart + 9s, 10s));
  auto const overrun = watch.check(kStart + 10s, 10s);
  ASSERT_TRUE(overrun);
  EXPECT_EQ(overrun->partition, 3);
  EXPECT_EQ(overrun->position, 42);
  EXPECT_EQ(overrun->running_for, 10s);
  EXPECT_FALSE(watch.check(kStart + 20s, 10s));
  EXPECT_TRUE(watch.is_overrun());
  EXPECT_TRUE(watch.end()) << "the worker learns of it";
  EXPECT_FALSE(watch.is_overrun());
  watch.begin(message);
  EXPECT_FALSE(watch.end());
}

TEST(HandlerWatch, BusyWorkerIsNotTakenForAStuckOne) {
  HandlerWatch watch;
  Inbound message;
  for (int i = 0; i < 20; ++i) {
    watch.begin(message);
    EXPECT_FALSE(watch.check(kStart + i * 9s, 10s));
    EXPECT_FALSE(watch.end());
  }
}

TEST(HandlerWatch, IdleWorkerIsNotReported) {
  HandlerWatch watch;
  EXPECT_FALSE(watch.check(kStart, 10s));
  EXPECT_FALSE(watch.check(kStart + 1h, 10s));
}

}  // namespace
}  // namespace fairlead
