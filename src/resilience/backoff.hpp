#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace fairlead {

struct BackoffPolicy {
  std::chrono::milliseconds initial{1'000};
  std::chrono::milliseconds max{30'000};
  double multiplier = 2.0;
};

/// The longest delay after `failures` failures in a row (1 for the first): initial * multiplier^(failures-1), capped.
[[nodiscard]] std::chrono::milliseconds backoff_ceiling(BackoffPolicy const& policy, std::uint32_t failures) noexcept;

/// Full jitter: uniform in [0, ceiling], so that those who failed together do not come back together.
[[nodiscard]] std::chrono::milliseconds backoff_delay(BackoffPolicy const& policy, std::uint32_t failures,
                                                      std::mt19937_64& random);

/// Exponential backoff with full jitter. Thread-compatible; the seed is injected.
class Backoff {
 public:
  Backoff(BackoffPolicy policy, std::uint64_t seed) noexcept : policy_(policy), random_(seed) {}

  /// The delay before the next attempt, after one more failure.
  [[nodiscard]] std::chrono::milliseconds next();
  /// Call when the connection has proved itself.
  void reset() noexcept { failures_ = 0; }
  [[nodiscard]] std::uint32_t failures() const noexcept { return failures_; }

 private:
  BackoffPolicy policy_;
  std::mt19937_64 random_;
  std::uint32_t failures_ = 0;
};

/// A seed that differs between processes and calls.
[[nodiscard]] std::uint64_t random_seed();

}  // namespace fairlead
