#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace fairlead::kafka {

/// The lane ids of the partitions that one source reads: small, given out once for each partition of each topic, and
/// the same for the life of the source. Topics go by their place in the source's list. Thread-compatible.
class LaneMap {
 public:
  struct Place {
    std::size_t topic = 0;
    std::int32_t partition = 0;
    friend bool operator==(Place const&, Place const&) = default;
  };

  /// The lane of the partition; a new one when it never had any.
  std::int32_t lane_of(Place place);
  [[nodiscard]] std::optional<std::int32_t> find(Place place) const noexcept;
  [[nodiscard]] Place place_of(std::int32_t lane) const noexcept { return places_[static_cast<std::size_t>(lane)]; }

 private:
  static constexpr std::int32_t kNone = -1;

  std::vector<std::vector<std::int32_t>> lanes_;  // by topic and partition
  std::vector<Place> places_;                     // by lane
};

}  // namespace fairlead::kafka
