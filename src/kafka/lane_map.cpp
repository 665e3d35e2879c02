#include "kafka/lane_map.hpp"

namespace fairlead::kafka {

std::int32_t LaneMap::lane_of(Place place) {
  if (place.topic >= lanes_.size()) lanes_.resize(place.topic + 1);
  auto& partitions = lanes_[place.topic];
  auto const index = static_cast<std::size_t>(place.partition);
  if (index >= partitions.size()) partitions.resize(index + 1, kNone);
  if (partitions[index] == kNone) {
    places_.push_back(place);
    partitions[index] = static_cast<std::int32_t>(places_.size() - 1);
  }
  return partitions[index];
}

std::optional<std::int32_t> LaneMap::find(Place place) const noexcept {
  if (place.topic >= lanes_.size()) return std::nullopt;
  auto const& partitions = lanes_[place.topic];
  auto const index = static_cast<std::size_t>(place.partition);
  if (index >= partitions.size() || partitions[index] == kNone) return std::nullopt;
  return partitions[index];
}

}  // namespace fairlead::kafka
