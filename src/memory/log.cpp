#include "memory/log.hpp"

#include <algorithm>

namespace fairlead {

std::int64_t Log::settled_by_all(std::size_t partition) const {
  std::int64_t lowest = partitions[partition].end();
  for (auto const& [name, group] : groups) lowest = std::min(lowest, group.cursors[partition].settled);
  return lowest;
}

LogGroup Log::new_group() const {
  LogGroup group;
  for (auto const& partition : partitions) {
    auto& cursor = group.cursors.emplace_back();
    cursor.settled = cursor.delivered = partition.first;
  }
  return group;
}

void assign(LogGroup& group) {
  for (std::size_t i = 0; i < group.cursors.size(); ++i) {
    group.cursors[i].wanted = group.members.empty() ? kNobody : group.members[i % group.members.size()];
  }
}

}  // namespace fairlead
