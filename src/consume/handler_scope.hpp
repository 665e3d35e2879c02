#pragma once

#include <fairlead/outcome.hpp>

#include <exception>
#include <string>
#include <utility>

namespace fairlead {

class Consumption;

/// While it lives, the calling thread runs a handler of that consumption.
class HandlerScope {
 public:
  explicit HandlerScope(Consumption const& consumption) noexcept : outer_(std::exchange(current_, &consumption)) {}
  ~HandlerScope() { current_ = outer_; }
  HandlerScope(HandlerScope const&) = delete;
  HandlerScope& operator=(HandlerScope const&) = delete;

  /// Null on a thread that runs no handler.
  [[nodiscard]] static Consumption const* current() noexcept { return current_; }

 private:
  static inline thread_local Consumption const* current_ = nullptr;
  Consumption const* outer_;
};

/// What the handler answers; whatever it throws counts as `retry`.
template <class F>
Outcome guarded(F const& handler) {
  try {
    return handler();
  } catch (std::exception const& error) {
    return retry(std::string(error.what()));
  } catch (...) {
    return retry("the handler threw something that is not a std::exception");
  }
}

/// Instead of the `ack` of a handler that took longer than its timeout.
[[nodiscard]] inline Outcome overran() {
  auto outcome = retry("the handler took longer than the subscription's `timeout`");
  outcome.code = Errc::kTimeout;
  return outcome;
}

}  // namespace fairlead
