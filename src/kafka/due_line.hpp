#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace fairlead::kafka {

/// One moment on both clocks.
struct Instant {
  std::chrono::system_clock::time_point wall;
  std::chrono::steady_clock::time_point steady;

  [[nodiscard]] static Instant now() noexcept {
    return {std::chrono::system_clock::now(), std::chrono::steady_clock::now()};
  }
};

/// The head of one partition of delayed retries, held until it is due; the messages behind it stay in their queue.
///
/// When it is due is written in wall clock time. That clock may be set back, and the publisher's may run ahead: so no
/// message is held for longer than the tier's delay, by the steady clock, which is long enough for any of them.
/// Thread-compatible.
template <class Message>
class DueLine {
 public:
  explicit DueLine(std::chrono::milliseconds delay) noexcept : delay_(delay) {}

  [[nodiscard]] bool is_holding() const noexcept { return head_.has_value(); }

  /// When nothing is held.
  void hold(Message message, std::int64_t due_at_ms, Instant now) {
    head_ = std::move(message);
    due_ = std::chrono::system_clock::time_point(std::chrono::milliseconds(due_at_ms));
    latest_ = now.steady + delay_;
  }
  /// How much longer; zero when it is due.
  [[nodiscard]] std::chrono::nanoseconds wait(Instant now) const noexcept {
    std::chrono::nanoseconds const by_wall = due_ - now.wall;
    std::chrono::nanoseconds const by_steady = latest_ - now.steady;
    return std::max(std::chrono::nanoseconds(0), std::min(by_wall, by_steady));
  }
  [[nodiscard]] Message take() noexcept { return *std::exchange(head_, std::nullopt); }

 private:
  std::chrono::milliseconds delay_;
  std::optional<Message> head_;
  std::chrono::system_clock::time_point due_{};
  std::chrono::steady_clock::time_point latest_{};
};

}  // namespace fairlead::kafka
