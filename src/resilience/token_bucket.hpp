#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace fairlead {

/// A rate limit: tokens come in at `rate` per second, up to `burst` are kept. Starts full.
/// Counts whole tokens from the last moment it was full instead of adding fractions up, so it does not drift however
/// many are taken. A clock that stands still or goes back brings no tokens and costs none. Thread-compatible.
class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  /// A rate that is not above 0 brings nothing beyond the first burst; above 10^9 counts as 10^9. A burst is at
  /// least 1.
  TokenBucket(double rate, std::size_t burst) noexcept;

  [[nodiscard]] bool take(Clock::time_point now) noexcept { return take_up_to(1, now) == 1; }
  /// How many of the wanted tokens were there; they are taken.
  [[nodiscard]] std::size_t take_up_to(std::size_t wanted, Clock::time_point now) noexcept;
  /// When the next token is there: `now` if one is there already, time_point::max() for never.
  [[nodiscard]] Clock::time_point next(Clock::time_point now) noexcept;
  /// Tokens that were taken and not used.
  void give_back(std::size_t unused) noexcept;

 private:
  /// Whole tokens that came in during the time since the bucket was full.
  [[nodiscard]] std::uint64_t income(std::int64_t nanoseconds) const noexcept;
  [[nodiscard]] std::uint64_t available(Clock::time_point now) noexcept;

  double rate_;
  std::uint64_t burst_;
  Clock::time_point full_at_ = Clock::time_point::min();
  std::uint64_t taken_ = 0;  // since then
};

}  // namespace fairlead
