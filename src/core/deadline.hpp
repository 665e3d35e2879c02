#pragma once

#include <time.h>

#include <algorithm>
#include <chrono>

namespace fairlead {

/// When a timeout that begins now ends. `milliseconds::max()` may be passed for "however long it takes": it does not
/// overflow the clock.
[[nodiscard]] inline std::chrono::steady_clock::time_point deadline_after(
    std::chrono::milliseconds timeout,
    std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now()) noexcept {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365 * 10);
  return now + std::clamp(timeout, std::chrono::milliseconds::zero(), kLongest);
}

/// The same for thousands of calls a second. A timeout of a second or more is reckoned from the kernel's last tick,
/// some milliseconds ago, which costs a fifth of reading the clock.
[[nodiscard]] inline std::chrono::steady_clock::time_point rough_deadline_after(
    std::chrono::milliseconds timeout) noexcept {
#ifdef CLOCK_MONOTONIC_COARSE
  timespec tick{};
  if (timeout >= std::chrono::seconds(1) && ::clock_gettime(CLOCK_MONOTONIC_COARSE, &tick) == 0) {
    return deadline_after(timeout, std::chrono::steady_clock::time_point(std::chrono::seconds(tick.tv_sec) +
                                                                         std::chrono::nanoseconds(tick.tv_nsec)));
  }
#endif
  return deadline_after(timeout);
}

}  // namespace fairlead
