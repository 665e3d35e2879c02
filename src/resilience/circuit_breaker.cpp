#include "resilience/circuit_breaker.hpp"

#include <algorithm>

namespace fairlead {

CircuitBreaker::Permit CircuitBreaker::begin(Clock::time_point now) noexcept {
  if (state_ == State::kClosed) return Permit::kGranted;
  if (is_probe_out_ || now < open_until_) return Permit::kRefused;
  state_ = State::kHalfOpen;
  is_probe_out_ = true;
  return Permit::kProbe;
}

void CircuitBreaker::on_success(Permit permit) noexcept {
  if (permit == Permit::kProbe && state_ == State::kHalfOpen) {
    state_ = State::kClosed;
    is_probe_out_ = false;
    cooldown_.reset();
    balance_ = policy_.budget;
  } else if (permit == Permit::kGranted && state_ == State::kClosed) {
    balance_ = std::min(balance_ + policy_.refill, static_cast<double>(policy_.budget));
  }
}

void CircuitBreaker::on_failure(Permit permit, Clock::time_point now) {
  if (permit == Permit::kProbe && state_ == State::kHalfOpen) {
    open(now);
  } else if (permit == Permit::kGranted && state_ == State::kClosed && policy_.budget > 0) {
    if (balance_ < 1) return open(now);
    balance_ -= 1;
  }
}

void CircuitBreaker::on_abandoned(Permit permit) noexcept {
  if (permit == Permit::kProbe) is_probe_out_ = false;
}

std::optional<CircuitBreaker::Clock::time_point> CircuitBreaker::next_probe() const noexcept {
  if (state_ == State::kClosed || is_probe_out_) return std::nullopt;
  return open_until_;
}

void CircuitBreaker::open(Clock::time_point now) {
  state_ = State::kOpen;
  is_probe_out_ = false;
  open_until_ = now + cooldown_.next();
}

}  // namespace fairlead
