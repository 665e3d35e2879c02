#pragma once

#include <algorithm>
#include <chrono>

namespace fairlead {

/// A lease or retention as a store can keep it: at least 1 ms, and no longer than a clock can count.
[[nodiscard]] inline std::chrono::milliseconds bounded_lifetime(std::chrono::milliseconds wanted) noexcept {
  return std::clamp<std::chrono::milliseconds>(wanted, std::chrono::milliseconds(1), std::chrono::hours(24 * 365 * 10));
}

}  // namespace fairlead
