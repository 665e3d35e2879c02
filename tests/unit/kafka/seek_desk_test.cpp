#include "kafka/seek_desk.hpp"

#include "core/thread.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;

SeekDesk::Order order(std::int64_t position, std::chrono::milliseconds patience = 20s) {
  return {{{0, position}}, false, SeekDesk::Clock::now() + patience};
}

TEST(SeekDesk, WhoeverAsksGetsTheAnswerToTheOrderThatWasTaken) {
  SeekDesk desk;
  std::optional<SeekDesk::Order> taken;
  auto const result = desk.ask(order(7), [&] {
    taken = desk.take();
    desk.answer(Error{Errc::kRefused, "not now"});
  });
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->positions.at(0), 7);
  EXPECT_FALSE(desk.take()) << "once";
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kRefused);
  EXPECT_TRUE(desk.ask(order(8), [&] {
    (void)desk.take();
    desk.answer({});
  }));
}

TEST(SeekDesk, OrderThatNobodyTookWasNotDone) {
  SeekDesk desk;
  auto const result = desk.ask(order(7, 10ms), [] {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kTimeout);
  EXPECT_FALSE(result.error().maybe_applied);
  EXPECT_FALSE(desk.take()) << "withdrawn";
}

TEST(SeekDesk, OrderThatWasTakenMayBeDoneLater) {
  SeekDesk desk;
  auto const result = desk.ask(order(7, 10ms), [&] { (void)desk.take(); });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kTimeout);
  EXPECT_TRUE(result.error().maybe_applied);
  desk.answer({});  // too late, and harmless
  auto const next = desk.ask(order(8, 10ms), [] {});
  ASSERT_FALSE(next) << "the answer to another order";
  EXPECT_EQ(next.error().code, Errc::kTimeout);
}

TEST(SeekDesk, CloseAnswersWhoeverWaitsAndWhoeverComesLater) {
  SeekDesk desk;
  Thread closer;
  auto const waiting = desk.ask(order(7), [&] { closer = Thread("closer", [&] { desk.close(); }); });
  auto const later = desk.ask(order(8), [] {});
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().code, Errc::kClosed);
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, Errc::kClosed);
  closer.join();
}

}  // namespace
}  // namespace fairlead::kafka
