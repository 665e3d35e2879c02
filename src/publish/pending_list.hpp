#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fairlead {

struct PendingPublish;

/// The publishes without an answer, oldest first, and the earliest of their deadlines. A ring in which the answered
/// ones leave gaps, so that neither end touches another publish. Most deadlines come in the order of the publishes, so
/// the ring itself is sorted by them; the few that end before an older one are in a heap as well. Thread-compatible.
class PendingList {
 public:
  using Clock = std::chrono::steady_clock;

  /// Adds at the end; numbers the publish and notes its deadline.
  void push(PendingPublish& pending, Clock::time_point deadline);
  void remove(PendingPublish& pending) noexcept;

  [[nodiscard]] PendingPublish* oldest() const noexcept { return empty() ? nullptr : ring_[index(begin_)]; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// `time_point::max()` when it is empty.
  [[nodiscard]] Clock::time_point next_deadline() noexcept;
  /// One whose deadline has come; null when there is none.
  [[nodiscard]] PendingPublish* find_expired(Clock::time_point now) noexcept;

  /// What the next publish will be numbered; they grow along the list.
  [[nodiscard]] std::uint64_t next_sequence() const noexcept { return next_sequence_; }
  /// Entries of the heap, those of publishes that are gone included.
  [[nodiscard]] std::size_t heap_size() const noexcept { return early_.size(); }
  [[nodiscard]] std::size_t ring_size() const noexcept { return ring_.size(); }

 private:
  struct EarlyDeadline {
    Clock::time_point deadline;
    PendingPublish* pending;
    std::uint64_t sequence;  // the slot may have been used again since
  };
  [[nodiscard]] static bool is_later(EarlyDeadline const& a, EarlyDeadline const& b) noexcept {
    return a.deadline > b.deadline;
  }
  [[nodiscard]] static bool is_gone(EarlyDeadline const& entry) noexcept;
  void drop_gone() noexcept;

  [[nodiscard]] std::size_t index(std::uint64_t place) const noexcept { return place & (ring_.size() - 1); }
  void make_room();

  std::vector<PendingPublish*> ring_;  // a power of two; null: answered
  std::uint64_t begin_ = 0;            // the place of the oldest
  std::uint64_t end_ = 0;
  std::size_t size_ = 0;  // without the gaps
  std::uint64_t next_sequence_ = 1;
  Clock::time_point latest_deadline_{};  // of the sorted part
  std::vector<EarlyDeadline> early_;     // a heap, earliest on top
};

}  // namespace fairlead
