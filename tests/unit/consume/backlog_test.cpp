#include "consume/backlog.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

constexpr Lane kLane{0, 1};

class BacklogTest : public testing::Test {
 protected:
  void SetUp() override { backlog.open_lane(kLane, effects); }

  Inbound& add(std::string_view key, std::string_view payload = {}, std::string_view header = {}) {
    Inbound& message = messages_.emplace_back();
    message.lane = kLane;
    message.position = next_position_++;
    message.key = key;
    message.payload = payload;
    if (!header.empty()) message.take_header("name", header);
    InboundList batch;
    batch.push(message);
    backlog.add(batch, effects);
    return message;
  }
  Inbound* take() {
    batch_.restart({});
    backlog.take(1, batch_);
    return batch_.claim();
  }
  std::size_t released() {
    auto const count = effects.released.size;
    effects.released = {};
    return count;
  }

  Backlog backlog{Ordering::kKey, 8, 1000, KeyedDispatcher::hash_key};
  Effects effects;

 private:
  std::deque<Inbound> messages_;
  ClaimedBatch batch_;
  std::int64_t next_position_ = 1;
};

TEST_F(BacklogTest, SettlementsOfALaneAreMergedToTheHighest) {
  for (int i = 0; i < 3; ++i) add("");
  for (int i = 0; i < 3; ++i) backlog.finish(*take(), effects);
  ASSERT_EQ(effects.settlements.size(), 1U);
  EXPECT_EQ(effects.settlements[0].position, 3);
}

TEST_F(BacklogTest, MessagesOfALaneThatIsNotOpenAreRefused) {
  backlog.lose_lane(kLane, effects);
  add("");
  EXPECT_EQ(backlog.ready(), 0U);
  EXPECT_EQ(backlog.in_flight(), 0U);
  EXPECT_EQ(released(), 1U);
}

TEST_F(BacklogTest, RoomCountsMessagesUntilTheyAreSettled) {
  for (int i = 0; i < 8; ++i) add("");
  EXPECT_FALSE(backlog.room());
  Inbound& oldest = *take();
  for (int i = 0; i < 7; ++i) backlog.finish(*take(), effects);
  EXPECT_EQ(backlog.in_flight(), 8U) << "handled, but the oldest holds the watermark";
  EXPECT_FALSE(effects.room);
  backlog.finish(oldest, effects);
  EXPECT_TRUE(effects.room);
  EXPECT_EQ(backlog.room().messages, 8U);
}

TEST_F(BacklogTest, RoomInBytesCountsPayloadKeyAndHeaders) {
  std::string const payload(500, 'x');
  add("0123456789", payload);
  EXPECT_EQ(backlog.room().bytes, 490U);
  Inbound& second = add("0123456789", payload, "value");
  EXPECT_EQ(second.bytes, 519U);
  EXPECT_FALSE(backlog.room());
}

TEST_F(BacklogTest, SourceIsCalledOnceAQuarterIsFree) {
  for (int i = 0; i < 8; ++i) add("");
  backlog.finish(*take(), effects);
  EXPECT_FALSE(effects.room) << "nobody had found it full";
  add("");
  EXPECT_FALSE(backlog.room());
  backlog.finish(*take(), effects);
  EXPECT_FALSE(effects.room);
  backlog.finish(*take(), effects);
  EXPECT_TRUE(effects.room);
  effects.room = false;
  backlog.finish(*take(), effects);
  EXPECT_FALSE(effects.room) << "said once";
}

TEST_F(BacklogTest, ClosingALaneDropsWhatLiesBehindTheLastMessageThatRuns) {
  Inbound& first = add("a");
  add("a");
  add("b");
  EXPECT_EQ(take(), &first);
  backlog.close_lane(kLane, effects);
  EXPECT_EQ(released(), 2U);
  EXPECT_FALSE(backlog.is_quiet(kLane));
  backlog.finish(first, effects);
  EXPECT_TRUE(backlog.is_quiet(kLane));
  EXPECT_EQ(backlog.settled(kLane)->position, 1);
}

TEST_F(BacklogTest, ClosingALaneKeepsWhatLiesBeforeAHandledMessage) {
  Inbound& slow = add("a");
  Inbound& behind_slow = add("a");
  Inbound& quick = add("b");
  add("a");
  EXPECT_EQ(take(), &slow);
  EXPECT_EQ(take(), &quick);
  backlog.finish(quick, effects);
  (void)released();
  backlog.close_lane(kLane, effects);
  EXPECT_EQ(released(), 1U) << "only the last one: nothing after it was handled";
  backlog.finish(slow, effects);
  EXPECT_FALSE(backlog.is_quiet(kLane));
  EXPECT_EQ(take(), &behind_slow);
  backlog.finish(behind_slow, effects);
  EXPECT_TRUE(backlog.is_quiet(kLane));
  EXPECT_EQ(backlog.settled(kLane)->position, 3);
}

TEST_F(BacklogTest, RetryInAClosingLaneIsLeftToTheBrokerUnlessHandledMessagesLieBehindIt) {
  Inbound& first = add("a");
  Inbound& second = add("b");
  Inbound& third = add("c");
  for (auto* const message : {&first, &second, &third}) EXPECT_EQ(take(), message);
  backlog.finish(second, effects);
  backlog.close_intake(effects);
  auto const due = Backlog::Clock::time_point{} + 1h;
  EXPECT_FALSE(backlog.park(third, due, effects));
  EXPECT_TRUE(backlog.park(first, due, effects));
  EXPECT_FALSE(backlog.is_quiet());
  backlog.release_due(due);
  EXPECT_EQ(take(), &first);
  backlog.finish(first, effects);
  EXPECT_TRUE(backlog.is_quiet());
  EXPECT_EQ(backlog.settled(kLane)->position, 2);
}

TEST_F(BacklogTest, MessageThatEndsAfterItsLaneIsStale) {
  add("");
  Inbound& running = *take();
  backlog.open_lane({0, 2}, effects);
  EXPECT_EQ(backlog.in_flight(), 0U);
  EXPECT_FALSE(backlog.is_quiet());
  backlog.finish(running, effects);
  EXPECT_TRUE(backlog.is_quiet());
  EXPECT_EQ(backlog.stale(), 1U);
  EXPECT_TRUE(effects.settlements.empty());
  EXPECT_EQ(backlog.bytes(), 0U);
}

}  // namespace
}  // namespace fairlead
