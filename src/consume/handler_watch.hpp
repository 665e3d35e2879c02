#pragma once

#include "consume/inbound.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace fairlead {

/// Shows which message a worker's handler is at, so that another thread notices a handler that takes too long. The
/// worker pays a few plain stores for it: neither a lock nor a clock.
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
    current_.store(++begun_, std::memory_order_release);
  }
  void end() noexcept { current_.store(0, std::memory_order_release); }

  // --- one observer, again and again ---
  /// The handler that has been seen running for `timeout`; each handling is reported once.
  [[nodiscard]] std::optional<Overrun> check(Clock::time_point now, std::chrono::milliseconds timeout) noexcept;

 private:
  std::uint64_t begun_ = 0;
  std::atomic<std::uint64_t> current_{0};  // which handling it is; 0 between two
  std::atomic<std::int32_t> partition_{-1};
  std::atomic<std::int64_t> position_{0};

  std::uint64_t seen_ = 0;
  Clock::time_point seen_since_;
  bool is_reported_ = false;
};

}  // namespace fairlead
