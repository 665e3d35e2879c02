#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace fairlead {

/// The settlement order of one lane: messages complete in any order, positions are settled only up to the first one
/// that is not complete. Positions may have gaps. Allocates only while it grows. Thread-compatible.
class Watermark {
 public:
  /// Registers the next message; positions grow. The slot names it in `complete`.
  std::uint64_t add(std::int64_t position);

  /// Once per slot. The new watermark, up to and including which everything is complete, when this moved it.
  std::optional<std::int64_t> complete(std::uint64_t slot) noexcept;

  /// The slot that comes next.
  [[nodiscard]] std::uint64_t end() const noexcept { return next_; }
  /// Messages at or above the watermark: not complete, or waiting for one that is not.
  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(next_ - first_); }
  [[nodiscard]] std::optional<std::int64_t> position() const noexcept { return position_; }

 private:
  struct Entry {
    std::int64_t position = 0;
    bool is_complete = false;
  };
  [[nodiscard]] Entry& at(std::uint64_t slot) noexcept { return ring_[slot & (ring_.size() - 1)]; }
  void grow();

  std::vector<Entry> ring_;  // a power of two long
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
  std::optional<std::int64_t> position_;
};

}  // namespace fairlead
