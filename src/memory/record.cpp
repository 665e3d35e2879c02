#include "memory/record.hpp"

#include "core/wire_names.hpp"

#include <cstring>
#include <new>
#include <utility>

namespace fairlead {

void ReleaseRecord::operator()(Record* record) const noexcept {
  if (record->references_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  record->~Record();
  ::operator delete(record);
}

RecordRef Record::make(Outbound const& message) {
  std::size_t bytes = message.payload.size() + message.key.size() + message.id.size() + message.idempotency_key.size() +
                      message.content_type.size() + message.routing_key.size() + message.traceparent.size() +
                      message.only_group.size();
  for (auto const& header : *message.headers) bytes += header.name.size() + header.value.size();
  char* const room = static_cast<char*>(::operator new(sizeof(Record) + bytes));
  RecordRef record(::new (room) Record);
  char* end = room + sizeof(Record);
  auto const keep = [&end](std::string_view text) {
    if (!text.empty()) std::memcpy(end, text.data(), text.size());
    return std::string_view(std::exchange(end, end + text.size()), text.size());
  };
  record->payload_ = keep(message.payload);
  record->key_ = keep(message.key);
  record->id_ = keep(message.id);
  record->idempotency_key_ = keep(message.idempotency_key);
  record->content_type_ = keep(message.content_type);
  record->routing_key_ = keep(message.routing_key);
  record->traceparent_ = keep(message.traceparent);
  record->only_group_ = keep(message.only_group);
  record->headers_.reserve(message.headers->size());
  for (auto const& header : *message.headers) {
    auto const name = keep(header.name);
    record->headers_.push_back({name, keep(header.value)});
    record->has_envelope_ |= wire::is_envelope(name);
  }
  record->size_ = sizeof(Record) + bytes + record->headers_.capacity() * sizeof(HeaderView);
  record->timestamp_ms_ = message.timestamp_ms;
  record->due_at_ms_ = message.due_at_ms;
  if (message.time_to_live) record->expires_at_ms_ = message.timestamp_ms + message.time_to_live->count();
  return record;
}

RecordRef Record::share() noexcept {
  references_.fetch_add(1, std::memory_order_relaxed);
  return RecordRef(this);
}

void Record::fill(Inbound& delivery, RecordRef self) const {
  delivery.payload = payload_;
  delivery.key = key_;
  delivery.id = id_;
  delivery.idempotency_key = idempotency_key_;
  delivery.content_type = content_type_;
  delivery.routing_key = routing_key_;
  delivery.traceparent = traceparent_;
  delivery.only_group = only_group_;
  delivery.headers.assign(headers_.begin(), headers_.end());
  delivery.has_envelope = has_envelope_;
  delivery.timestamp_ms = timestamp_ms_;
  delivery.expires_at_ms = expires_at_ms_;
  delivery.due_at_ms = due_at_ms_;
  delivery.buffer =
      BufferRef(self.release(), [](void* record) noexcept { ReleaseRecord{}(static_cast<Record*>(record)); });
}

}  // namespace fairlead
