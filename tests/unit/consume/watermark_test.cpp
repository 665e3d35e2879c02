#include "consume/watermark.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace fairlead {
namespace {

TEST(Watermark, MovesToEachMessageThatCompletesInOrder) {
  Watermark watermark;
  auto const first = watermark.add(7);
  auto const second = watermark.add(9);
  EXPECT_EQ(watermark.complete(first), 7);
  EXPECT_EQ(watermark.complete(second), 9);
  EXPECT_EQ(watermark.position(), 9);
  EXPECT_EQ(watermark.size(), 0U);
}

TEST(Watermark, WaitsForTheOldestMessageAndThenJumpsOverAllThatAreComplete) {
  Watermark watermark;
  auto const first = watermark.add(10);
  auto const second = watermark.add(20);
  auto const third = watermark.add(30);
  auto const fourth = watermark.add(40);
  EXPECT_EQ(watermark.complete(third), std::nullopt);
  EXPECT_EQ(watermark.complete(second), std::nullopt);
  EXPECT_EQ(watermark.size(), 4U);
  EXPECT_EQ(watermark.complete(first), 30);
  EXPECT_EQ(watermark.size(), 1U);
  EXPECT_EQ(watermark.complete(fourth), 40);
}

TEST(Watermark, NeverPassesAnUnfinishedMessageWhateverTheOrderOfCompletion) {
  std::mt19937_64 random(42);
  for (int round = 0; round < 50; ++round) {
    Watermark watermark;
    struct Taken {
      std::uint64_t slot;
      std::int64_t position;
    };
    std::vector<Taken> unfinished;
    std::int64_t position = 0;
    for (int step = 0; step < 2000; ++step) {
      if (unfinished.empty() || random() % 100 < 52) {
        position += 1 + static_cast<std::int64_t>(random() % 3);  // offsets have gaps
        unfinished.push_back({watermark.add(position), position});
        continue;
      }
      auto const chosen = unfinished.begin() + static_cast<std::ptrdiff_t>(random() % unfinished.size());
      auto const slot = chosen->slot;
      unfinished.erase(chosen);
      auto const settled = watermark.complete(slot);
      auto const oldest = std::min_element(unfinished.begin(), unfinished.end(),
                                           [](auto const& a, auto const& b) { return a.position < b.position; });
      if (settled && oldest != unfinished.end()) {
        ASSERT_LT(*settled, oldest->position);
      }
      if (unfinished.empty()) {
        ASSERT_EQ(settled, position);
      }
    }
  }
}

}  // namespace
}  // namespace fairlead
