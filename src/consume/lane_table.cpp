#include "consume/lane_table.hpp"

#include <algorithm>

namespace fairlead {

LaneTable::Entry& LaneTable::open(Lane lane) {
  auto const index = static_cast<std::size_t>(lane.id);
  if (index >= entries_.size()) entries_.resize(index + 1);
  entries_[index] = Entry{lane, true, false, 0, 0, {}};
  return entries_[index];
}

LaneTable::Entry* LaneTable::find_any_epoch(Lane lane) noexcept {
  auto const index = static_cast<std::size_t>(lane.id);
  return index < entries_.size() && entries_[index].is_open ? &entries_[index] : nullptr;
}

void LaneTable::close(Entry& entry) noexcept { entry = Entry{entry.lane, false, false, 0, 0, {}}; }

std::size_t LaneTable::count_open() const noexcept {
  auto const count = std::count_if(entries_.begin(), entries_.end(), [](Entry const& entry) { return entry.is_open; });
  return static_cast<std::size_t>(count);
}

}  // namespace fairlead
