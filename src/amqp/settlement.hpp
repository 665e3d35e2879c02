#pragma once

#include "core/seeded_fault.hpp"

#include <atomic>
#include <cstdint>

namespace fairlead::amqp {

/// How far a consumer's deliveries are settled: one word that workers push up and the I/O thread reads. The epoch is
/// part of the word, so that a late settlement can never be taken for one of a newer channel, whose delivery tags
/// begin at 1 again. Lock-free.
class Settlement {
 public:
  /// A new channel: nothing is settled. I/O thread.
  void restart(std::uint32_t epoch) noexcept {
    acked_.store(0);
    word_.store(pack(epoch, 0));
  }

  enum class Wake { kNo, kSoon, kNow };
  /// Any thread. Says whether the I/O thread must be told: of the first settlement after an ack, and once more when
  /// `batch` of them wait.
  Wake settle(std::uint32_t epoch, std::uint64_t tag, std::uint64_t batch) noexcept {
    auto current = word_.load();
    if (is_seeded(SeededFault::kStaleTagAck)) epoch = static_cast<std::uint32_t>(epoch_of(current));
    auto const wanted = pack(epoch, tag);
    do {
      if (epoch_of(current) != epoch_of(wanted) || current >= wanted) return Wake::kNo;
    } while (!word_.compare_exchange_weak(current, wanted));
    if (tag - acked_.load() >= batch) {
      if (!is_urgent_.load() && !is_urgent_.exchange(true)) return Wake::kNow;
    } else if (!is_announced_.load() && !is_announced_.exchange(true)) {
      return Wake::kSoon;
    }
    return Wake::kNo;
  }

  /// The tag to ack up to, 0 when there is nothing new. I/O thread.
  std::uint64_t take() noexcept {
    // Cleared before the word is read: whoever settles later announces again.
    is_announced_.store(false);
    is_urgent_.store(false);
    auto const tag = settled();
    if (tag == acked_.load()) return 0;
    acked_.store(tag);
    return tag;
  }

  /// Up to where `take` has given out. I/O thread.
  [[nodiscard]] std::uint64_t taken() const noexcept { return acked_.load(); }
  [[nodiscard]] bool is_urgent() const noexcept { return is_urgent_.load(); }

 private:
  [[nodiscard]] std::uint64_t settled() const noexcept { return word_.load() & kTagMask; }
  static constexpr int kTagBits = 48;  // 89 years at 100,000 messages a second
  static constexpr std::uint64_t kTagMask = (std::uint64_t{1} << kTagBits) - 1;
  static std::uint64_t pack(std::uint32_t epoch, std::uint64_t tag) noexcept {
    return std::uint64_t{epoch} << kTagBits | (tag & kTagMask);
  }
  static std::uint64_t epoch_of(std::uint64_t word) noexcept { return word >> kTagBits; }

  std::atomic<std::uint64_t> word_{0};
  std::atomic<std::uint64_t> acked_{0};
  std::atomic<bool> is_announced_{false};
  std::atomic<bool> is_urgent_{false};
};

}  // namespace fairlead::amqp
