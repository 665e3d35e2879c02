#include "resilience/token_bucket.hpp"

#include <algorithm>
#include <cmath>

namespace fairlead {

namespace {

constexpr double kNanosecondsPerSecond = 1e9;

std::int64_t elapsed(TokenBucket::Clock::time_point from, TokenBucket::Clock::time_point to) noexcept {
  return to > from ? std::chrono::nanoseconds(to - from).count() : 0;
}

}  // namespace

TokenBucket::TokenBucket(double rate, std::size_t burst) noexcept
    : rate_(rate > 0 ? std::min(rate, kNanosecondsPerSecond) : 0), burst_(std::max<std::size_t>(burst, 1)) {}

std::uint64_t TokenBucket::income(std::int64_t nanoseconds) const noexcept {
  return static_cast<std::uint64_t>(static_cast<double>(nanoseconds) * rate_ / kNanosecondsPerSecond);
}

std::uint64_t TokenBucket::available(Clock::time_point now) noexcept {
  if (taken_ > 0) {
    auto const came_in = income(elapsed(full_at_, now));
    if (came_in < taken_) {
      auto const missing = taken_ - came_in;
      return burst_ - std::min(missing, burst_);
    }
  }
  // Full: from here on it is counted anew. Never from an earlier moment than before, or a clock that goes back and
  // forth would bring the same tokens twice.
  full_at_ = std::max(full_at_, now);
  taken_ = 0;
  return burst_;
}

std::size_t TokenBucket::take_up_to(std::size_t wanted, Clock::time_point now) noexcept {
  auto const given = std::min<std::uint64_t>(wanted, available(now));
  taken_ += given;
  return static_cast<std::size_t>(given);
}

TokenBucket::Clock::time_point TokenBucket::next(Clock::time_point now) noexcept {
  if (available(now) > 0) return now;
  // All of the burst is out, so one token more than what is missing beyond it has to come in.
  auto const needed = taken_ - burst_ + 1;
  double const wait = std::ceil(static_cast<double>(needed) / rate_ * kNanosecondsPerSecond);
  // Half of what the clock can still count, over a century, stands for never.
  auto const longest = (Clock::time_point::max() - std::max(full_at_, Clock::time_point{})) / 2;
  if (!(wait < static_cast<double>(std::chrono::nanoseconds(longest).count()))) return Clock::time_point::max();
  auto nanoseconds = static_cast<std::int64_t>(wait);
  while (income(nanoseconds) < needed) ++nanoseconds;  // what the division lost by rounding
  return full_at_ + std::chrono::nanoseconds(nanoseconds);
}

void TokenBucket::give_back(std::size_t unused) noexcept { taken_ -= std::min<std::uint64_t>(unused, taken_); }

}  // namespace fairlead
