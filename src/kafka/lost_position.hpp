#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fairlead::kafka {

struct LostPosition {
  std::string_view topic;
  std::int32_t partition = 0;
  friend bool operator==(LostPosition const&, LostPosition const&) = default;
};

/// Whether a record of librdkafka's log says that a partition no longer keeps the position a group had in it
/// (OFFSET_OUT_OF_RANGE), so that reading goes on somewhere else. With `auto.offset.reset=earliest` the log is all that
/// tells, and with `error` the partition could not be started again. Views into `text`.
[[nodiscard]] std::optional<LostPosition> lost_position(std::string_view facility, std::string_view text) noexcept;

}  // namespace fairlead::kafka
