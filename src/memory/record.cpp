#include "memory/record.hpp"

namespace fairlead {

std::string_view Record::append(std::string_view text) {
  std::size_t const at = bytes_.size();
  bytes_.append(text);  // never beyond the reserved room: the views stay valid
  return std::string_view(bytes_).substr(at);
}

Record* Record::make(Outbound const& message, std::int32_t partition) {
  auto* const record = new Record;
  std::size_t size = message.payload.size() + message.key.size() + message.id.size() + message.idempotency_key.size() +
                     message.content_type.size() + message.routing_key.size() + message.traceparent.size();
  for (auto const& header : *message.headers) size += header.name.size() + header.value.size();
  record->bytes_.reserve(size);
  record->payload_ = record->append(message.payload);
  record->key_ = record->append(message.key);
  record->id_ = record->append(message.id);
  record->idempotency_key_ = record->append(message.idempotency_key);
  record->content_type_ = record->append(message.content_type);
  record->routing_key_ = record->append(message.routing_key);
  record->traceparent_ = record->append(message.traceparent);
  record->headers_.reserve(message.headers->size());
  for (auto const& header : *message.headers) {
    auto const name = record->append(header.name);
    record->headers_.push_back({name, record->append(header.value)});
  }
  record->partition_ = partition;
  record->timestamp_ms_ = message.timestamp_ms;
  if (message.time_to_live) record->expires_at_ms_ = message.timestamp_ms + message.time_to_live->count();
  return record;
}

void Record::fill(Inbound& delivery) noexcept {
  delivery.payload = payload_;
  delivery.key = key_;
  delivery.id = id_;
  delivery.idempotency_key = idempotency_key_;
  delivery.content_type = content_type_;
  delivery.routing_key = routing_key_;
  delivery.traceparent = traceparent_;
  delivery.headers.assign(headers_.begin(), headers_.end());
  delivery.partition = partition_;
  delivery.timestamp_ms = timestamp_ms_;
  delivery.expires_at_ms = expires_at_ms_;
  retain();
  delivery.buffer = BufferRef(this, [](void* record) noexcept { static_cast<Record*>(record)->release(); });
}

}  // namespace fairlead
