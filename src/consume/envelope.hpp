#pragma once

#include "consume/inbound.hpp"

#include <fairlead/message.hpp>

#include <chrono>

namespace fairlead {

/// The headers around a message that failed, the same for delayed retries and dead letters on every broker.
namespace envelope {

inline constexpr std::string_view kDestination = "fairlead-original-destination";
inline constexpr std::string_view kPartition = "fairlead-original-partition";
inline constexpr std::string_view kPosition = "fairlead-original-position";
inline constexpr std::string_view kGroup = "fairlead-group";
inline constexpr std::string_view kAttempts = "fairlead-attempts";
inline constexpr std::string_view kError = "fairlead-error";
inline constexpr std::string_view kErrorCode = "fairlead-error-code";
inline constexpr std::string_view kFirstFailedAt = "fairlead-first-failed-at";
inline constexpr std::string_view kFailedAt = "fairlead-failed-at";

}  // namespace envelope

/// The message's own headers, and where it was first, how often it was tried, and when and why it failed.
[[nodiscard]] Headers envelope_headers(Inbound const& message, std::chrono::system_clock::time_point failed_at);

/// Takes the envelope off a retry that came back: its handler sees the message's own headers, and its attempt goes on
/// counting. What another group's envelope says is not believed, and neither is a number that is none.
void open_envelope(Inbound& message);

}  // namespace fairlead
