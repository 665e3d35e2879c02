#include "consume/admission.hpp"

#include <algorithm>
#include <cmath>

namespace fairlead {

namespace {

using State = CircuitBreaker::State;

CircuitBreakerPolicy circuit_policy(CircuitBreakerConfig const& config) {
  // A success pays for a retry: with four retries each, up to 15 % of the messages may fail without opening it.
  return {static_cast<std::uint32_t>(config.budget), 1.0, {config.cooldown, config.max_cooldown, 2.0}};
}

// One answer that does not come is enough, and a store that is back should be found within seconds.
CircuitBreakerPolicy store_policy() {
  return {1, 1.0, {std::chrono::milliseconds(100), std::chrono::milliseconds(2'000), 2.0}};
}

std::size_t burst_of(SubscriptionConfig const& config) {
  if (config.rate_burst > 0) return static_cast<std::size_t>(config.rate_burst);
  return static_cast<std::size_t>(std::max(1.0, std::floor(config.rate_limit.per_second / 10)));
}

void report(CircuitBreaker& breaker, Verdict verdict, CircuitBreaker::Permit permit, Admission::Clock::time_point now) {
  switch (verdict) {
    case Verdict::kSuccess: breaker.on_success(permit); break;
    case Verdict::kFailure: breaker.on_failure(permit, now); break;
    case Verdict::kNone: breaker.on_abandoned(permit); break;
  }
}

}  // namespace

Admission::Admission(SubscriptionConfig const& config, std::uint64_t seed)
    : circuit_(circuit_policy(config.circuit_breaker), seed),
      store_(store_policy(), seed + 1),
      on_outage_(config.idempotency.on_outage) {
  if (config.rate_limit.per_second > 0) rate_.emplace(config.rate_limit.per_second, burst_of(config));
}

Admission::Grant Admission::ask(std::size_t wanted, Clock::time_point now) {
  if (is_lifted_) return {wanted, {}};
  if (is_paused_) return {};
  Grant grant{wanted, {circuit_.begin(now), Permit::kGranted}};
  auto& permits = grant.permits;
  if (permits.circuit == Permit::kRefused) return {};
  permits.store = store_.begin(now);
  if (permits.store == Permit::kRefused && needs_store()) {
    circuit_.on_abandoned(permits.circuit);
    return {};
  }
  if (permits.is_probe()) grant.messages = 1;
  if (rate_) grant.messages = rate_->take_up_to(grant.messages, now);
  if (grant.messages > 0) return grant;
  circuit_.on_abandoned(permits.circuit);
  store_.on_abandoned(permits.store);
  return {};
}

void Admission::give_back(std::size_t unused, Permits permits) noexcept {
  if (unused == 0) return;
  if (rate_) rate_->give_back(unused);
  circuit_.on_abandoned(permits.circuit);
  store_.on_abandoned(permits.store);
}

void Admission::conclude(Conclusion conclusion, Permits permits, Clock::time_point now) {
  report(circuit_, conclusion.handling, permits.circuit, now);
  report(store_, conclusion.store, permits.store, now);
}

void Admission::give_up_probe(Permits& permits, Clock::time_point now) {
  if (!permits.is_probe()) return;
  conclude({Fate::kRetry, Verdict::kFailure, Verdict::kNone}, permits, now);
  permits = {};
}

std::optional<Admission::Clock::time_point> Admission::next(Clock::time_point now) noexcept {
  if (is_lifted_) return now;
  if (is_paused_) return std::nullopt;
  auto at = rate_ ? rate_->next(now) : now;
  for (auto const* const breaker : {&circuit_, needs_store() ? &store_ : nullptr}) {
    if (breaker == nullptr || breaker->state() == State::kClosed) continue;
    auto const probe = breaker->next_probe();
    if (!probe) return std::nullopt;  // one is out, and its conclusion comes first
    at = std::max(at, *probe);
  }
  return at;
}

SubscriptionState Admission::state() const noexcept {
  if (is_paused_) return SubscriptionState::kPaused;
  if (circuit_.state() != State::kClosed) return SubscriptionState::kCircuitOpen;
  if (needs_store() && store_.state() != State::kClosed) return SubscriptionState::kStoreUnavailable;
  return SubscriptionState::kRunning;
}

}  // namespace fairlead
