#pragma once

#include <fairlead/error.hpp>
#include <fairlead/export.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace fairlead {

enum class SubscriptionState {
  kRunning,
  kPaused,            ///< by `Subscription::pause`
  kCircuitOpen,       ///< too much failed: one message at a time finds out when it may go on (`circuit_breaker`)
  kStoreUnavailable,  ///< the idempotency store does not answer, and `on_outage: pause` waits for it
  kStopping,          ///< intake was stopped
};

[[nodiscard]] FAIRLEAD_EXPORT std::string_view to_string(SubscriptionState state) noexcept;

/// How a subscription is doing now, for a readiness probe.
struct SubscriptionHealth {
  SubscriptionState state = SubscriptionState::kRunning;
  std::size_t stuck_handlers = 0;  ///< that run longer than `timeout` and were asked to stop
  /// The last problem the broker or the idempotency store reported, until messages flow again.
  std::optional<Error> problem{};

  [[nodiscard]] bool is_healthy() const noexcept {
    return state == SubscriptionState::kRunning && stuck_handlers == 0 && !problem;
  }
};

}  // namespace fairlead
