#pragma once

#include "consume/conclusion.hpp"
#include "resilience/circuit_breaker.hpp"
#include "resilience/token_bucket.hpp"

#include <fairlead/config.hpp>
#include <fairlead/health.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace fairlead {

/// Whether messages may begin now: not while the subscription is paused, its rate limit is used up, its circuit breaker
/// is open, or its idempotency store is away (unless it may do without). Knows no thread; the clock and the seed are
/// injected. Thread-compatible.
class Admission {
 public:
  using Clock = std::chrono::steady_clock;
  using Permit = CircuitBreaker::Permit;

  /// How the messages of one grant may begin; their conclusions come with it.
  struct Permits {
    Permit circuit = Permit::kGranted;
    Permit store = Permit::kGranted;  ///< kRefused: the store is away, and they begin without it
    [[nodiscard]] bool is_probe() const noexcept { return circuit == Permit::kProbe || store == Permit::kProbe; }
  };
  struct Grant {
    std::size_t messages = 0;
    Permits permits;
  };

  Admission(SubscriptionConfig const& config, std::uint64_t seed);

  /// For up to `wanted` messages that are ready.
  [[nodiscard]] Grant ask(std::size_t wanted, Clock::time_point now);
  /// Messages of a grant that were not begun.
  void give_back(std::size_t unused, Permits permits) noexcept;
  void conclude(Conclusion conclusion, Permits permits, Clock::time_point now);
  /// The store has answered a probe, whose handler may still take its time.
  void store_answered() noexcept { store_.on_success(Permit::kProbe); }
  [[nodiscard]] bool is_store_away() const noexcept { return store_.state() != CircuitBreaker::State::kClosed; }
  /// A probe that takes too long has failed, whatever it will say.
  void give_up_probe(Permits& permits, Clock::time_point now);

  /// When a grant that was refused is worth asking for again; empty when something else has to happen first.
  [[nodiscard]] std::optional<Clock::time_point> next(Clock::time_point now) noexcept;
  /// More messages would only wait.
  [[nodiscard]] bool holds_intake() const noexcept { return !is_lifted_ && state() != SubscriptionState::kRunning; }
  /// Only a message can find out when it may go on.
  [[nodiscard]] bool needs_probe() const noexcept { return holds_intake() && !is_paused_; }

  /// Nothing may begin because of `pause`.
  [[nodiscard]] bool is_paused() const noexcept { return is_paused_ && !is_lifted_; }
  void pause() noexcept { is_paused_ = true; }
  void resume() noexcept { is_paused_ = false; }
  /// From now on everything may begin: what has been taken in is finished.
  void lift() noexcept { is_lifted_ = true; }

  [[nodiscard]] SubscriptionState state() const noexcept;

 private:
  [[nodiscard]] bool needs_store() const noexcept { return on_outage_ == OnOutage::kPause; }

  std::optional<TokenBucket> rate_;
  CircuitBreaker circuit_;
  CircuitBreaker store_;
  OnOutage const on_outage_;
  bool is_paused_ = false;
  bool is_lifted_ = false;
};

}  // namespace fairlead
