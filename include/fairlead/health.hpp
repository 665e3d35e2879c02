#pragma once

#include <fairlead/error.hpp>
#include <fairlead/export.hpp>

#include <cstddef>
#include <cstdint>
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

enum class ConnectionState {
  kConnecting,  ///< not connected; the broker is tried again and again
  kConnected,
  kBlocked,  ///< connected, but publishers are told to wait (RabbitMQ memory or disk alarm)
  kClosed,   ///< by `Broker::close`
};

[[nodiscard]] FAIRLEAD_EXPORT std::string_view to_string(ConnectionState state) noexcept;

/// How the connections of a broker object are doing now, the worst of them, for a readiness probe. Subscriptions have a
/// health of their own.
struct BrokerHealth {
  ConnectionState state = ConnectionState::kConnecting;
  /// Why it is not connected or is blocked: `kAuthentication`, `kTls`, `kNotConnected`, ... None while all is well.
  std::optional<Error> problem{};
  std::uint64_t reconnects = 0;  ///< connections, or Kafka producers, that replaced a lost one

  [[nodiscard]] bool is_healthy() const noexcept { return state == ConnectionState::kConnected && !problem; }
};

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
