#include "consume/keyed_dispatcher.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using Clock = KeyedDispatcher::Clock;

std::uint64_t same_for_all(std::string_view) noexcept { return 7; }

class KeyedDispatcherTest : public testing::Test {
 protected:
  Inbound& make(std::string_view key, std::int32_t lane = 0) {
    Inbound& message = messages_.emplace_back();
    message.scratch = key;  // bytes of its own, which go away with the message
    message.key = message.scratch;
    message.lane = {lane, 1};
    message.slot = slots_[lane]++;
    return message;
  }
  static void forget(Inbound& message) {
    message.scratch.assign(message.scratch.size(), '#');
    message.clear();
  }

 private:
  std::deque<Inbound> messages_;
  std::map<std::int32_t, std::uint64_t> slots_;
};

TEST_F(KeyedDispatcherTest, OneMessageOfAKeyIsOutAtATime) {
  KeyedDispatcher dispatcher(Ordering::kKey);
  Inbound& first = make("a");
  Inbound& second = make("a");
  dispatcher.push(first);
  dispatcher.push(second);
  EXPECT_EQ(dispatcher.take(), &first);
  EXPECT_EQ(dispatcher.take(), nullptr);
  dispatcher.complete(first);
  forget(first);
  EXPECT_EQ(dispatcher.take(), &second);
  dispatcher.complete(second);
  EXPECT_EQ(dispatcher.keys(), 0U);
}

TEST_F(KeyedDispatcherTest, KeysThatShareAHashDoNotWaitForEachOther) {
  KeyedDispatcher dispatcher(Ordering::kKey, same_for_all);
  std::vector<Inbound*> firsts;
  for (int key = 0; key < 200; ++key) {
    firsts.push_back(&make("key-" + std::to_string(key)));
    dispatcher.push(*firsts.back());
    dispatcher.push(make("key-" + std::to_string(key)));
  }
  EXPECT_EQ(dispatcher.ready(), 200U);
  for (Inbound* const expected : firsts) ASSERT_EQ(dispatcher.take(), expected);
  EXPECT_EQ(dispatcher.take(), nullptr);
  dispatcher.complete(*firsts[17]);
  Inbound const* const following = dispatcher.take();
  ASSERT_NE(following, nullptr);
  EXPECT_EQ(following->key, "key-17");
}

TEST_F(KeyedDispatcherTest, KeyOutlivesTheBytesOfItsFirstMessage) {
  KeyedDispatcher dispatcher(Ordering::kKey);
  Inbound& first = make("a key too long to live inside of a string object");
  Inbound& second = make("a key too long to live inside of a string object");
  dispatcher.push(first);
  dispatcher.push(second);
  (void)dispatcher.take();
  dispatcher.complete(first);
  forget(first);
  Inbound& third = make("a key too long to live inside of a string object");
  dispatcher.push(third);
  EXPECT_EQ(dispatcher.keys(), 1U);
  EXPECT_EQ(dispatcher.take(), &second);
  EXPECT_EQ(dispatcher.take(), nullptr);
}

TEST_F(KeyedDispatcherTest, KeyGoesToTheEndOfTheLineAfterEachOfItsMessages) {
  KeyedDispatcher dispatcher(Ordering::kKey);
  for (int i = 0; i < 3; ++i) dispatcher.push(make("busy"));
  dispatcher.push(make("calm"));
  std::string order;
  while (Inbound* const message = dispatcher.take()) {
    order += std::string(message->key) + " ";
    dispatcher.complete(*message);
  }
  EXPECT_EQ(order, "busy calm busy busy ");
}

TEST_F(KeyedDispatcherTest, MessagesWithoutKeyHaveNoOrder) {
  KeyedDispatcher dispatcher(Ordering::kKey);
  dispatcher.push(make(""));
  dispatcher.push(make(""));
  EXPECT_EQ(dispatcher.ready(), 2U);
}

TEST_F(KeyedDispatcherTest, WithoutOrderingEverythingIsReady) {
  KeyedDispatcher dispatcher(Ordering::kNone);
  dispatcher.push(make("a"));
  dispatcher.push(make("a"));
  EXPECT_EQ(dispatcher.ready(), 2U);
}

TEST_F(KeyedDispatcherTest, PartitionOrderingSerializesALaneAndNothingElse) {
  KeyedDispatcher dispatcher(Ordering::kPartition);
  Inbound& first = make("a", 1);
  Inbound& second = make("b", 1);
  Inbound& elsewhere = make("a", 2);
  for (auto* const message : {&first, &second, &elsewhere}) dispatcher.push(*message);
  EXPECT_EQ(dispatcher.take(), &first);
  EXPECT_EQ(dispatcher.take(), &elsewhere);
  EXPECT_EQ(dispatcher.take(), nullptr);
  dispatcher.complete(first);
  EXPECT_EQ(dispatcher.take(), &second);
}

TEST_F(KeyedDispatcherTest, ParkedMessageHoldsUpItsKeyOnlyAndKeepsItsPlace) {
  KeyedDispatcher dispatcher(Ordering::kKey);
  auto const start = Clock::time_point{} + 1h;
  Inbound& failing = make("a");
  Inbound& following = make("a");
  Inbound& other = make("b");
  for (auto* const message : {&failing, &following, &other}) dispatcher.push(*message);
  (void)dispatcher.take();
  dispatcher.park(failing, start + 10ms);
  EXPECT_EQ(dispatcher.next_due(), start + 10ms);
  EXPECT_EQ(dispatcher.take(), &other);
  dispatcher.complete(other);
  EXPECT_EQ(dispatcher.release_due(start + 9ms), 0U);
  EXPECT_EQ(dispatcher.take(), nullptr);
  EXPECT_EQ(dispatcher.release_due(start + 10ms), 1U);
  EXPECT_EQ(dispatcher.take(), &failing);
  dispatcher.complete(failing);
  EXPECT_EQ(dispatcher.take(), &following);
}

TEST_F(KeyedDispatcherTest, ParkedMessagesComeBackInTheOrderTheyAreDue) {
  KeyedDispatcher dispatcher(Ordering::kNone);
  auto const start = Clock::time_point{} + 1h;
  Inbound& late = make("");
  Inbound& early = make("");
  for (auto* const message : {&late, &early}) dispatcher.push(*message);
  (void)dispatcher.take();
  (void)dispatcher.take();
  dispatcher.park(late, start + 20ms);
  dispatcher.park(early, start + 10ms);
  EXPECT_EQ(dispatcher.release_due(start + 1s), 2U);
  EXPECT_EQ(dispatcher.take(), &early);
  EXPECT_EQ(dispatcher.take(), &late);
}

TEST_F(KeyedDispatcherTest, GivenBackMessageIsFirstInLine) {
  KeyedDispatcher dispatcher(Ordering::kNone);
  Inbound& first = make("");
  Inbound& second = make("");
  dispatcher.push(first);
  dispatcher.push(second);
  dispatcher.give_back(*dispatcher.take());
  EXPECT_EQ(dispatcher.take(), &first);
  EXPECT_EQ(dispatcher.take(), &second);
  dispatcher.give_back(second);
  EXPECT_EQ(dispatcher.ready(), 1U);
  dispatcher.push(make(""));
  EXPECT_EQ(dispatcher.take(), &second);
}

TEST_F(KeyedDispatcherTest, DroppingALaneLetsOtherLanesOfTheSameKeyForward) {
  KeyedDispatcher dispatcher(Ordering::kKey);
  Inbound& ready = make("a", 1);
  Inbound& queued = make("a", 1);
  Inbound& survivor = make("a", 2);
  Inbound& parked = make("b", 1);
  dispatcher.push(parked);
  dispatcher.park(*dispatcher.take(), Clock::time_point{} + 1h);
  for (auto* const message : {&ready, &queued, &survivor}) dispatcher.push(*message);
  InboundList dropped;
  dispatcher.drop_lane({1, 1}, 0, dropped);
  EXPECT_EQ(dropped.size, 3U);
  while (Inbound* const message = dropped.pop()) forget(*message);
  EXPECT_FALSE(dispatcher.next_due().has_value());
  EXPECT_EQ(dispatcher.take(), &survivor);
  dispatcher.complete(survivor);
  EXPECT_EQ(dispatcher.keys(), 0U);
}

TEST_F(KeyedDispatcherTest, DroppingFromASlotOnLeavesWhatLiesBeforeIt) {
  KeyedDispatcher dispatcher(Ordering::kKey);
  Inbound& kept = make("a");
  dispatcher.push(kept);
  dispatcher.push(make("a"));
  dispatcher.push(make("b"));
  InboundList dropped;
  dispatcher.drop_lane({0, 1}, 1, dropped);
  EXPECT_EQ(dropped.size, 2U);
  EXPECT_EQ(dispatcher.take(), &kept);
  dispatcher.complete(kept);
  EXPECT_EQ(dispatcher.keys(), 0U);
}

TEST_F(KeyedDispatcherTest, KeepsEachKeysOrderThroughRandomWork) {
  std::mt19937_64 random(7);
  KeyedDispatcher dispatcher(Ordering::kKey);
  std::map<std::string, std::vector<std::uint64_t>, std::less<>> handled;
  std::vector<Inbound*> running;
  auto now = Clock::time_point{} + 1h;
  std::size_t pushed = 0;
  std::size_t done = 0;
  while (done < 5000) {
    now += 1ms;
    dispatcher.release_due(now);
    auto const dice = random() % 10;
    if (dice < 4 && pushed < 5000) {
      dispatcher.push(make("key-" + std::to_string(random() % 20)));
      ++pushed;
    } else if (dice < 7) {
      if (Inbound* const message = dispatcher.take()) running.push_back(message);
    } else if (!running.empty()) {
      auto const chosen = running.begin() + static_cast<std::ptrdiff_t>(random() % running.size());
      Inbound& message = **chosen;
      running.erase(chosen);
      if (random() % 5 == 0) {
        dispatcher.park(message, now + std::chrono::milliseconds(random() % 20));
        continue;
      }
      handled[std::string(message.key)].push_back(message.slot);
      dispatcher.complete(message);
      forget(message);
      ++done;
    }
  }
  for (auto const& [key, slots] : handled) EXPECT_TRUE(std::is_sorted(slots.begin(), slots.end())) << key;
  EXPECT_EQ(dispatcher.keys(), 0U);
}

}  // namespace
}  // namespace fairlead
