#include "core/ids.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace fairlead {
namespace {

std::int64_t now_ms() {
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

TEST(MessageId, IsAUuidOfVersion7) {
  std::regex const form("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  for (int i = 0; i < 1'000; ++i) {
    std::string id;
    make_message_id(id);
    ASSERT_TRUE(std::regex_match(id, form)) << id;
  }
}

TEST(MessageId, BeginsWithTheTimeSoThatIdsSortByIt) {
  auto const before = now_ms();
  std::string id;
  make_message_id(id);
  auto const after = now_ms();
  id.erase(8, 1);
  auto const time = std::stoll(id.substr(0, 12), nullptr, 16);
  EXPECT_GE(time, before);
  EXPECT_LE(time, after);
}

TEST(MessageId, IsNeverTheSameOnAnyThread) {
  constexpr std::size_t kThreads = 4;
  constexpr int kIds = 50'000;
  std::vector<std::vector<std::string>> made(kThreads);
  std::vector<std::thread> threads;
  for (auto& ids : made) {
    threads.emplace_back([&ids] {
      for (int i = 0; i < kIds; ++i) make_message_id(ids.emplace_back());
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<std::string> all;
  for (auto const& ids : made) all.insert(ids.begin(), ids.end());
  EXPECT_EQ(all.size(), kThreads * kIds);
}

TEST(MessageId, ReplacesTheTextInPlace) {
  std::string id(64, 'x');
  char const* const place = id.data();
  make_message_id(id);
  EXPECT_EQ(id.size(), 36U);
  EXPECT_EQ(id.data(), place);
}

TEST(WriteHex, WritesTheLowestDigitsInLowerCase) {
  std::string text = "....";
  write_hex(text.data(), 0x12abcU, 4);
  EXPECT_EQ(text, "2abc");
  write_hex(text.data(), 0xfU, 3);
  EXPECT_EQ(text, "00fc");
}

}  // namespace
}  // namespace fairlead
