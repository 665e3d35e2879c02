#pragma once

#include "resilience/backoff.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace fairlead {

struct CircuitBreakerPolicy {
  std::uint32_t budget = 100;  // retries that may be made without a success in between; 0 switches the breaker off
  double refill = 1.0;         // retries given back by each success: more must fail than succeed before it runs dry
  BackoffPolicy cooldown{};    // between two probes
};

/// The retry budget of one subscription. Retries of single messages pass; when so much fails that retries would only
/// add load, it opens: nothing may begin until a cooldown (with full jitter, growing from probe to probe) is over, and
/// then one message at a time, the probe, until one succeeds.
/// Knows no thread; the clock and the seed are injected. Thread-compatible.
class CircuitBreaker {
 public:
  using Clock = std::chrono::steady_clock;
  enum class State : std::uint8_t { kClosed, kOpen, kHalfOpen };

  /// Whether a handling may begin. Its end is reported once, with the same permit.
  enum class Permit : std::uint8_t { kRefused, kGranted, kProbe };

  CircuitBreaker(CircuitBreakerPolicy policy, std::uint64_t seed) noexcept
      : policy_(policy), cooldown_(policy.cooldown, seed), balance_(policy.budget) {}

  [[nodiscard]] Permit begin(Clock::time_point now) noexcept;
  void on_success(Permit permit) noexcept;
  /// A failure that asks for a retry. A handling that began before the breaker opened says nothing new by failing.
  void on_failure(Permit permit, Clock::time_point now);
  /// It ended without saying anything about what handlers depend on: not begun after all, its lane lost, rejected.
  void on_abandoned(Permit permit) noexcept;

  /// Open until `begin` lets a probe out, however long its cooldown is over.
  [[nodiscard]] State state() const noexcept { return state_; }
  /// When `begin` is worth asking again; empty while everything may begin, and while a probe is out.
  [[nodiscard]] std::optional<Clock::time_point> next_probe() const noexcept;

 private:
  void open(Clock::time_point now);

  CircuitBreakerPolicy policy_;
  Backoff cooldown_;
  double balance_;
  State state_ = State::kClosed;
  bool is_probe_out_ = false;
  Clock::time_point open_until_;
};

}  // namespace fairlead
