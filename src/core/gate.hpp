#pragma once

#include <atomic>
#include <cstdint>

namespace fairlead {

/// Lets callers through while it is open, and tells the closer when the last one has left: what a client library's
/// handle needs before it may be destroyed or changed. Two atomic operations a passage. Thread-safe.
class Gate {
 public:
  /// False: closed. True: call `leave` afterwards.
  [[nodiscard]] bool enter() noexcept {
    if ((inside_.fetch_add(1, std::memory_order_acquire) & kClosed) == 0) return true;
    leave();
    return false;
  }
  void leave() noexcept {
    if (inside_.fetch_sub(1, std::memory_order_release) == (kClosed | 1U)) inside_.notify_all();
  }
  /// Refuses everybody until it is opened, and waits for those inside, who never block.
  void close() noexcept {
    inside_.fetch_or(kClosed, std::memory_order_acq_rel);
    for (auto now = inside_.load(std::memory_order_acquire); now != kClosed;
         now = inside_.load(std::memory_order_acquire)) {
      inside_.wait(now, std::memory_order_acquire);
    }
  }

  /// What was changed while it was closed is seen by all who enter.
  void open() noexcept { inside_.fetch_and(~kClosed, std::memory_order_release); }

 private:
  static constexpr std::uint32_t kClosed = 0x8000'0000U;
  std::atomic<std::uint32_t> inside_{0};
};

}  // namespace fairlead
