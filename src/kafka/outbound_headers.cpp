#include "kafka/outbound_headers.hpp"

#include "core/wire_names.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>

namespace fairlead::kafka {
namespace {

void add(rd_kafka_headers_t* headers, std::string_view name, std::string_view value) noexcept {
  // Fails only for lists of received messages, which are read-only.
  rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.empty() ? "" : value.data(),
                      static_cast<ssize_t>(value.size()));
}

void add_known(rd_kafka_headers_t* headers, std::string_view name, std::string_view value) noexcept {
  if (!value.empty()) add(headers, name, value);
}

void add_time(rd_kafka_headers_t* headers, std::string_view name, std::int64_t milliseconds) noexcept {
  char digits[24];
  auto const end = std::to_chars(digits, digits + sizeof digits, milliseconds);
  add(headers, name, {digits, static_cast<std::size_t>(end.ptr - digits)});
}

}  // namespace

HeadersPtr make_headers(Outbound const& message) noexcept {
  constexpr std::size_t kReserved = 8;
  HeadersPtr headers(rd_kafka_headers_new(kReserved + message.headers->size()));
  add_known(headers.get(), wire::kMessageId, message.id);
  add_known(headers.get(), wire::kTraceparent, message.traceparent);
  add_known(headers.get(), wire::kContentType, message.content_type);
  add_known(headers.get(), wire::kRoutingKey, message.routing_key);
  add_known(headers.get(), wire::kIdempotencyKey, message.idempotency_key);
  if (message.time_to_live) {
    add_time(headers.get(), wire::kExpiresAt, message.timestamp_ms + message.time_to_live->count());
  }
  if (message.due_at_ms > 0) add_time(headers.get(), wire::kDueAt, message.due_at_ms);
  add_known(headers.get(), wire::kOnlyGroup, message.only_group);
  for (auto const& [name, value] : *message.headers) add(headers.get(), name, value);
  return headers;
}

}  // namespace fairlead::kafka
