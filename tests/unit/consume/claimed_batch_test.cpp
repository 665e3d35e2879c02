#include "consume/claimed_batch.hpp"

#include "core/thread.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <mutex>
#include <vector>

namespace fairlead {
namespace {

class ClaimedBatchTest : public testing::Test {
 protected:
  void fill(std::size_t count) {
    batch.restart({});
    messages.clear();
    for (std::size_t i = 0; i < count; ++i) batch.add(messages.emplace_back());
  }
  std::vector<Inbound*> taken_back() {
    std::vector<Inbound*> back;
    batch.take_back([&](Inbound& message) { back.push_back(&message); });
    return back;
  }
  std::vector<Inbound*> collected() {
    std::vector<Inbound*> done;
    batch.collect([&](Inbound& message, Conclusion) { done.push_back(&message); });
    return done;
  }
  ClaimedBatch batch;
  std::deque<Inbound> messages;
};

TEST_F(ClaimedBatchTest, MessageCountsAsDoneWhenTheNextOneIsClaimed) {
  fill(2);
  EXPECT_TRUE(collected().empty());
  EXPECT_EQ(batch.claim(), &messages[0]);
  batch.conclude({Fate::kHandled});
  EXPECT_TRUE(collected().empty());
  EXPECT_EQ(batch.claim(), &messages[1]);
  batch.conclude({Fate::kHandled});
  EXPECT_EQ(collected(), std::vector<Inbound*>{&messages[0]});
  EXPECT_EQ(batch.claim(), nullptr);
  EXPECT_EQ(collected(), std::vector<Inbound*>{&messages[1]});
  EXPECT_TRUE(collected().empty());
}

TEST_F(ClaimedBatchTest, TakenBackMessagesAreNeitherClaimedNorCollected) {
  fill(4);
  (void)batch.claim();
  batch.conclude({Fate::kHandled});
  (void)batch.claim();
  EXPECT_EQ(taken_back(), (std::vector<Inbound*>{&messages[3], &messages[2]}));
  EXPECT_TRUE(taken_back().empty());
  EXPECT_EQ(collected(), std::vector<Inbound*>{&messages[0]});
  batch.conclude({Fate::kHandled});
  EXPECT_EQ(batch.claim(), nullptr);
  EXPECT_EQ(collected(), std::vector<Inbound*>{&messages[1]});
}

TEST_F(ClaimedBatchTest, BatchTakenBackBeforeItsFirstClaimIsEmpty) {
  fill(ClaimedBatch::kCapacity);
  EXPECT_EQ(taken_back().size(), ClaimedBatch::kCapacity);
  EXPECT_EQ(batch.claim(), nullptr);
  EXPECT_TRUE(collected().empty());
}

TEST_F(ClaimedBatchTest, NothingIsTakenBackFromAFinishedBatch) {
  fill(ClaimedBatch::kCapacity);
  while (batch.claim() != nullptr) batch.conclude({Fate::kHandled});
  EXPECT_TRUE(taken_back().empty());
  EXPECT_EQ(collected().size(), ClaimedBatch::kCapacity);
}

TEST_F(ClaimedBatchTest, EachMessageIsWorkedOnOnceWhileOthersTakeBack) {
  // The owner and one who takes back work against each other; between rounds the lock is all they share.
  std::mutex mutex;
  std::array<int, 8> handled{};
  std::array<int, 8> collected_times{};
  for (int round = 0; round < 2000; ++round) {
    {
      std::lock_guard const lock(mutex);
      fill(handled.size());
      for (std::size_t i = 0; i < messages.size(); ++i) messages[i].position = static_cast<std::int64_t>(i);
    }
    handled.fill(0);
    collected_times.fill(0);
    auto const collect = [&] {
      batch.collect([&](Inbound& m, Conclusion) { ++collected_times[static_cast<std::size_t>(m.position)]; });
    };
    std::vector<std::size_t> returned;
    {
      Thread const other("takes-back", [&] {
        std::lock_guard const lock(mutex);
        batch.take_back([&](Inbound& m) { returned.push_back(static_cast<std::size_t>(m.position)); });
        collect();
      });
      while (Inbound* const message = batch.claim()) {
        ++handled[static_cast<std::size_t>(message->position)];
        batch.conclude({Fate::kHandled});
      }
    }
    collect();
    for (auto const index : returned) {
      ASSERT_EQ(handled[index], 0);
      ++handled[index];
      ++collected_times[index];
    }
    for (std::size_t i = 0; i < handled.size(); ++i) {
      ASSERT_EQ(handled[i], 1) << "round " << round << ", message " << i;
      ASSERT_EQ(collected_times[i], 1) << "round " << round << ", message " << i;
    }
  }
}

}  // namespace
}  // namespace fairlead
