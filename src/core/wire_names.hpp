#pragma once

#include <string_view>

// Names of the headers in which Fairlead carries what a broker has no field for. They are reserved: a publish that
// sets one of them is refused, and a handler sees them as properties of the Delivery instead of as headers.
namespace fairlead::wire {

inline constexpr std::string_view kMessageId = "message-id";            // Kafka; AMQP has a property
inline constexpr std::string_view kContentType = "content-type";        // Kafka; AMQP has a property
inline constexpr std::string_view kMessageKey = "message-key";          // AMQP; Kafka has a field
inline constexpr std::string_view kRoutingKey = "routing-key";          // Kafka; AMQP has a field
inline constexpr std::string_view kIdempotencyKey = "idempotency-key";  // when it differs from the id
inline constexpr std::string_view kTraceparent = "traceparent";         // W3C Trace Context
inline constexpr std::string_view kExpiresAt = "expires-at";            // Kafka; milliseconds since the epoch
inline constexpr std::string_view kDueAt = "due-at";                    // delayed retries; milliseconds since the epoch
inline constexpr std::string_view kOnlyGroup = "only-group";            // Kafka; the other groups settle it unseen

/// The envelope of a message that failed: see consume/envelope.hpp.
inline constexpr std::string_view kEnvelopePrefix = "fairlead-";
[[nodiscard]] constexpr bool is_envelope(std::string_view name) noexcept { return name.starts_with(kEnvelopePrefix); }

[[nodiscard]] constexpr bool is_reserved(std::string_view name) noexcept {
  return name == kMessageId || name == kContentType || name == kMessageKey || name == kRoutingKey ||
         name == kIdempotencyKey || name == kTraceparent || name == kExpiresAt || name == kDueAt || name == kOnlyGroup;
}

}  // namespace fairlead::wire
