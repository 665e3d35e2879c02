#pragma once

#include <fairlead/message.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fairlead {

struct PendingPublish;

/// One validated and stamped message on its way out. Views live only during Sink::publish.
struct Outbound {
  std::string_view payload;
  std::string_view key;              // empty: none
  Headers const* headers = nullptr;  // never null; no reserved names in it
  std::string_view id;               // empty: none
  std::string_view idempotency_key;  // empty: same as the id
  std::string_view content_type;
  std::string_view routing_key;
  std::string_view traceparent;
  std::int64_t timestamp_ms = 0;  // since the epoch
  std::optional<std::chrono::milliseconds> time_to_live;
  std::optional<std::uint8_t> priority;
  // Set by the sink of a retry: when it may be handled again, and by which group alone.
  std::int64_t due_at_ms = 0;
  std::string_view only_group;
};

/// One destination as the backend publishes to it.
class Sink {
 public:
  virtual ~Sink() = default;

  /// Hands one message over, copying its bytes; thread-safe, never blocks on the network. On success the backend
  /// completes `pending` exactly once through ConfirmWindow::complete, whatever happens to the connection. On error
  /// the message was not taken and `pending` must not be touched again. After Broker::do_close it answers kClosed; it
  /// may outlive the backend.
  virtual Result<void> publish(Outbound const& message, PendingPublish& pending) = 0;
};

}  // namespace fairlead
