#pragma once

#include "consume/inbound.hpp"
#include "consume/watermark.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fairlead {

/// The open lanes of a subscription. Thread-compatible.
class LaneTable {
 public:
  struct Entry {
    Lane lane;
    bool is_open = false;
    bool is_closing = false;         // takes in nothing more, and
    std::uint64_t finish_below = 0;  // only slots below this one are still handled
    std::size_t unfinished = 0;      // waiting, parked or running
    Watermark watermark;
  };

  /// Replaces whatever the lane was before.
  Entry& open(Lane lane);
  /// The lane, when it is open in just this epoch.
  [[nodiscard]] Entry* find(Lane lane) noexcept {
    auto const index = static_cast<std::size_t>(lane.id);
    if (index >= entries_.size()) return nullptr;
    Entry& entry = entries_[index];
    return entry.is_open && entry.lane == lane ? &entry : nullptr;
  }
  /// The lane in whatever epoch it is open.
  [[nodiscard]] Entry* find_any_epoch(Lane lane) noexcept;
  static void close(Entry& entry) noexcept;
  [[nodiscard]] std::size_t count_open() const noexcept;

  template <class F>
  void for_each_open(F const& visit) {
    for (auto& entry : entries_) {
      if (entry.is_open) visit(entry);
    }
  }

 private:
  std::vector<Entry> entries_;  // by lane id
};

}  // namespace fairlead
