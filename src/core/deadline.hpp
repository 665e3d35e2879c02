#pragma once

#include <algorithm>
#include <chrono>

namespace fairlead {

/// When a timeout that begins now ends. `milliseconds::max()` may be passed for "however long it takes": it does not
/// overflow the clock.
[[nodiscard]] inline std::chrono::steady_clock::time_point deadline_after(std::chrono::milliseconds timeout) noexcept {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365 * 10);
  return std::chrono::steady_clock::now() + std::clamp(timeout, std::chrono::milliseconds::zero(), kLongest);
}

}  // namespace fairlead
