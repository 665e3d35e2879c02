#include <fairlead/health.hpp>

namespace fairlead {

std::string_view to_string(SubscriptionState state) noexcept {
  switch (state) {
    case SubscriptionState::kRunning: return "running";
    case SubscriptionState::kPaused: return "paused";
    case SubscriptionState::kCircuitOpen: return "circuit_open";
    case SubscriptionState::kStoreUnavailable: return "store_unavailable";
    case SubscriptionState::kStopping: return "stopping";
  }
  return "unknown";
}

std::string_view to_string(ConnectionState state) noexcept {
  switch (state) {
    case ConnectionState::kConnecting: return "connecting";
    case ConnectionState::kConnected: return "connected";
    case ConnectionState::kBlocked: return "blocked";
    case ConnectionState::kClosed: return "closed";
  }
  return "unknown";
}

}  // namespace fairlead
