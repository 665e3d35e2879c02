#pragma once

#include "kafka/handles.hpp"
#include "publish/sink.hpp"

namespace fairlead::kafka {

/// A message without any goes the shorter way.
[[nodiscard]] inline bool has_headers(Outbound const& message) noexcept {
  return !message.id.empty() || !message.traceparent.empty() || !message.content_type.empty() ||
         !message.routing_key.empty() || !message.idempotency_key.empty() || message.time_to_live.has_value() ||
         message.due_at_ms > 0 || !message.only_group.empty() || !message.headers->empty();
}

/// Everything of the message for which Kafka has no field, as wire_names.hpp says, and the user's headers.
[[nodiscard]] HeadersPtr make_headers(Outbound const& message) noexcept;

}  // namespace fairlead::kafka
