#pragma once

#include "consume/inbound.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace fairlead {

/// Shows which message a worker's handler is at, so that another thread notices a handler that takes too long. The
/// worker pays a few plain atomics for it: neither a lock nor a clock.
class HandlerWatch {
 public:
  using Clock = std::chrono::steady_clock;

  struct Overrun {
    std::int32_t partition = -1;
    std::int64_t position = 0;
    std::chrono::milliseconds running_for{0};  // at least
  };

  // --- the worker ---
  void begin(Inbound const& message) noexcept {
    partition_.store(message.partition, std::memory_order_relaxed);
    position_.store(message.position, std::memory_order_relaxed);
    begun_ += 2;
    current_.store(begun_, std::memory_order_release);
  }
  /// True when this handling was reported.
  [[nodiscard]] bool end() noexcept { return (current_.exchange(0, std::memory_order_acq_rel) & kReported) != 0; }

  // --- one observer, again and again ---
  /// The handler that has been seen running for `timeout`; each handling is reported once.
  [[nodiscard]] std::optional<Overrun> check(Clock::time_point now, std::chrono::milliseconds timeout) noexcept;
  /// A handler that was reported still runs. Any thread.
  [[nodiscard]] bool is_overrun() const noexcept { return (current_.load(std::memory_order_relaxed) & kReported) != 0; }

 private:
  static constexpr std::uint64_t kReported = 1;

  std::uint64_t begun_ = 0;
  // Which handling it is, an even number; 0 between two. The lowest bit says that it was reported, in the same word, so
  // that the worker and the observer cannot disagree about it.
  std::atomic<std::uint64_t> current_{0};
  std::atomic<std::int32_t> partition_{-1};
  std::atomic<std::int64_t> position_{0};

  std::uint64_t seen_ = 0;
  Clock::time_point seen_since_;
};

}  // namespace fairlead
