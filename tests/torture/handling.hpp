#pragma once

#include "torture/crash_point.hpp"
#include "torture/ledger.hpp"
#include "torture/payload.hpp"

#include <fairlead/delivery.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <thread>

namespace fairlead::torture {

/// What a handler would do: it takes a random time. Thread-safe.
class Work {
 public:
  Work(int max_us, int seed) : max_us_(max_us), seed_(static_cast<std::uint64_t>(seed) << 16) {}

  void operator()(CrashPoint& crash_point) {
    thread_local std::mt19937_64 random(seed_ + workers_++);
    std::uniform_int_distribution<int> time(0, max_us_);
    std::chrono::microseconds const half(time(random) / 2);
    std::this_thread::sleep_for(half);
    crash_point.reach(CrashPoint::Place::kMidHandler);
    std::this_thread::sleep_for(half);
  }

 private:
  int max_us_;
  std::uint64_t seed_;
  std::atomic<std::uint64_t> workers_{0};
};

/// A key as one word of a line; of a message that was corrupted on its way it may be any bytes.
[[nodiscard]] inline std::string_view word_of(std::string_view key) {
  bool const is_word = std::all_of(key.begin(), key.end(), [](char letter) { return letter > ' ' && letter < '\x7f'; });
  return is_word && !key.empty() && key.size() <= 32 ? key : "?";
}

/// A line of the ledger, see torture_consumer.cpp.
[[nodiscard]] inline std::string line_of(Delivery const& delivery, std::uint32_t run) {
  auto const payload = decode(delivery.payload());
  auto const now = std::chrono::steady_clock::now().time_since_epoch();
  std::string text(payload && payload->run == run ? std::to_string(payload->number) : "-1");
  text.append(" ").append(word_of(delivery.key()));
  text.append(" ").append(std::to_string(delivery.attempt()));
  text.append(delivery.redelivered() ? " 1 " : " 0 ");
  text.append(std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()));
  return Ledger::line(text);
}

}  // namespace fairlead::torture
