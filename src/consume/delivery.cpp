#include <fairlead/delivery.hpp>

#include "consume/inbound.hpp"

namespace fairlead {

std::string_view Delivery::payload() const noexcept { return message_->payload; }
std::string_view Delivery::key() const noexcept { return message_->key; }
std::span<HeaderView const> Delivery::headers() const noexcept { return message_->headers; }

std::optional<std::string_view> Delivery::header(std::string_view name) const noexcept {
  for (auto const& header : message_->headers) {
    if (header.name == name) return header.value;
  }
  return std::nullopt;
}

std::string_view Delivery::id() const noexcept { return message_->id; }
std::string_view Delivery::idempotency_key() const noexcept {
  return message_->idempotency_key.empty() ? message_->id : message_->idempotency_key;
}
std::string_view Delivery::content_type() const noexcept { return message_->content_type; }
std::string_view Delivery::routing_key() const noexcept { return message_->routing_key; }
std::string_view Delivery::traceparent() const noexcept {
  return message_->trace.empty() ? message_->traceparent : std::string_view(message_->trace);
}

std::string_view Delivery::destination() const noexcept { return message_->destination; }
std::string_view Delivery::group() const noexcept { return message_->group; }
std::int32_t Delivery::partition() const noexcept { return message_->partition; }
std::int64_t Delivery::position() const noexcept { return message_->position; }
std::chrono::system_clock::time_point Delivery::timestamp() const noexcept {
  return std::chrono::system_clock::time_point(std::chrono::milliseconds(message_->timestamp_ms));
}
std::uint32_t Delivery::attempt() const noexcept { return message_->attempt; }
bool Delivery::redelivered() const noexcept { return message_->redelivered; }
std::chrono::steady_clock::time_point Delivery::deadline() const noexcept {
  return message_->context != nullptr ? message_->context->deadline : std::chrono::steady_clock::time_point::max();
}
std::stop_token Delivery::stop_token() const noexcept {
  return message_->context != nullptr ? message_->context->stop.get_token() : std::stop_token();
}

}  // namespace fairlead
