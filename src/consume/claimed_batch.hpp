#pragma once

#include "consume/conclusion.hpp"
#include "consume/inbound.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace fairlead {

/// The messages that one worker took under one lock. Its owner works through them without the lock; whoever holds the
/// lock can meanwhile collect those that are done and take back those not begun. So a handler that turns out slow holds
/// up nothing but its own message.
/// `claim` and `conclude` are for the owner alone; everything else needs the subscription's lock.
class ClaimedBatch {
 public:
  static constexpr std::size_t kCapacity = 64;

  /// Begins a new batch; the old one must be collected.
  void restart(std::chrono::steady_clock::time_point now) noexcept {
    size_ = kept_ = collected_ = 0;
    taken_at_ = now;
    claimed_.store(0, std::memory_order_relaxed);
  }
  void add(Inbound& message) noexcept {
    messages_[size_] = &message;
    kept_ = ++size_;
  }

  /// The next message to work on; null when there is none left. The one before is thereby done.
  [[nodiscard]] Inbound* claim() noexcept {
    current_ = claimed_.fetch_add(1, std::memory_order_release);
    return current_ < size_ ? messages_[current_] : nullptr;
  }
  /// What became of the claimed message.
  void conclude(Conclusion conclusion) noexcept { conclusions_[current_] = conclusion; }

  /// Calls `visit(message, conclusion)` for each message that is done, once.
  template <class F>
  void collect(F const& visit) {
    for (std::size_t const done = done_count(); collected_ < done; ++collected_) {
      visit(*messages_[collected_], conclusions_[collected_]);
    }
  }
  /// Calls `visit(message)` for those not claimed yet, the last one first; they are no longer in the batch.
  template <class F>
  void take_back(F const& visit) {
    if (claimed_.load(std::memory_order_relaxed) >= kept_) return;
    auto const claimed = claimed_.exchange(kTakenBack, std::memory_order_acquire);
    if (claimed > kept_) {  // the owner was quicker and is through
      claimed_.store(kTakenBack + 1, std::memory_order_relaxed);
      return;
    }
    auto const end = std::exchange(kept_, claimed);
    for (std::size_t index = end; index > kept_; --index) visit(*messages_[index - 1]);
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::chrono::steady_clock::time_point taken_at() const noexcept { return taken_at_; }

 private:
  static constexpr std::size_t kTakenBack = 2 * kCapacity;

  [[nodiscard]] std::size_t done_count() const noexcept {
    auto const claimed = claimed_.load(std::memory_order_acquire);
    auto const begun = claimed == kTakenBack ? kept_ : claimed;
    if (begun > kept_) return kept_;
    return begun > 0 ? begun - 1 : 0;  // the last one is still running
  }

  std::array<Inbound*, kCapacity> messages_{};
  std::array<Conclusion, kCapacity> conclusions_{};
  std::size_t size_ = 0;
  std::size_t kept_ = 0;       // without those taken back
  std::size_t collected_ = 0;  // how many of the first are
  std::size_t current_ = 0;    // the owner's
  std::chrono::steady_clock::time_point taken_at_;
  alignas(64) std::atomic<std::size_t> claimed_{0};
};

}  // namespace fairlead
