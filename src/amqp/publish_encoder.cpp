#include "amqp/publish_encoder.hpp"

#include "amqp/codec.hpp"
#include "amqp/frame_writer.hpp"
#include "core/wire_names.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <vector>

namespace fairlead::amqp {

namespace {

constexpr std::size_t kReservedHeaders = 4;  // key, idempotency key, traceparent, routing key
constexpr std::size_t kEntriesOnStack = 16;
constexpr char kMandatory = 1;  // the bit of basic.publish that asks for basic.return
constexpr std::uint8_t kPersistent = 2;

// Sizes in a content header: class, weight and body size, flags; then one octet of size per short string.
constexpr std::size_t kFixedHeader = 2 + 2 + 8 + 2;
constexpr std::size_t kEntryOverhead = 1 + 1 + 4;
constexpr std::size_t kExpirationDigits = 20;

std::size_t entry_size(std::string_view name, std::string_view value) noexcept {
  return kEntryOverhead + name.size() + value.size();
}

bool carries_own_idempotency_key(Outbound const& message) noexcept {
  return !message.idempotency_key.empty() && message.idempotency_key != message.id;
}

Error too_large(std::string message) { return {Errc::kTooLarge, std::move(message), false, false, 0}; }

}  // namespace

PublishEncoder::PublishEncoder(std::string_view exchange) {
  amqp_basic_publish_t publish{};
  publish.exchange = to_bytes(exchange);
  method_prefix_ = encode_method(AMQP_BASIC_PUBLISH_METHOD, &publish);
  method_prefix_.resize(method_prefix_.size() - 2);  // the empty routing key and the bits
}

std::size_t PublishEncoder::header_room(Outbound const& message) const noexcept {
  auto size = kFixedHeader + 1 + message.content_type.size() + sizeof(std::uint32_t) + 2 + 1 + kExpirationDigits + 1 +
              message.id.size() + sizeof(std::uint64_t);
  size += entry_size(wire::kMessageKey, message.key) + entry_size(wire::kIdempotencyKey, message.idempotency_key) +
          entry_size(wire::kTraceparent, message.traceparent) + entry_size(wire::kRoutingKey, message.routing_key);
  for (auto const& header : *message.headers) size += entry_size(header.name, header.value);
  return size;
}

Result<void> PublishEncoder::check(std::string_view routing_key, Outbound const& message, std::size_t frame_max) const {
  if (routing_key.size() > kShortStringMax) return too_large("routing key is longer than AMQP's 255 bytes");
  if (message.id.size() > kShortStringMax) return too_large("message id is longer than AMQP's 255 bytes");
  if (message.content_type.size() > kShortStringMax) return too_large("content type is longer than AMQP's 255 bytes");
  if (header_room(message) + kFrameOverhead > frame_max) {
    return too_large("key and headers are larger than one AMQP frame (" + std::to_string(frame_max) + " bytes)");
  }
  return {};
}

std::size_t PublishEncoder::size_bound(std::string_view routing_key, Outbound const& message,
                                       std::size_t frame_max) const noexcept {
  auto const body_frames = message.payload.size() / (frame_max - kFrameOverhead) + 1;
  return method_prefix_.size() + 1 + routing_key.size() + 1 + header_room(message) + message.payload.size() +
         (2 + body_frames) * kFrameOverhead;
}

void PublishEncoder::encode(ByteBuffer& out, std::uint16_t channel, std::string_view routing_key,
                            Outbound const& message, std::size_t frame_max) const {
  append_publish_method(out, channel, routing_key);
  append_content_header(out, channel, message);
  append_body(out, channel, message.payload, frame_max);
}

void PublishEncoder::append_publish_method(ByteBuffer& out, std::uint16_t channel, std::string_view routing_key) const {
  auto const size = method_prefix_.size() + 1 + routing_key.size() + 1;
  auto* at = out.reserve(size + kFrameOverhead);
  store_frame_header(at, AMQP_FRAME_METHOD, channel, size);
  at += kFrameHeaderBytes;
  std::memcpy(at, method_prefix_.data(), method_prefix_.size());
  at += method_prefix_.size();
  *at++ = static_cast<char>(routing_key.size());
  routing_key.copy(at, routing_key.size());  // which may be null, unlike what memcpy takes
  at += routing_key.size();
  *at++ = kMandatory;
  *at = static_cast<char>(AMQP_FRAME_END);
  out.commit(size + kFrameOverhead);
}

void PublishEncoder::append_content_header(ByteBuffer& out, std::uint16_t channel, Outbound const& message) const {
  std::array<amqp_table_entry_t, kEntriesOnStack> on_stack;
  std::vector<amqp_table_entry_t> on_heap;
  auto* entries = on_stack.data();
  if (message.headers->size() + kReservedHeaders > kEntriesOnStack) {
    on_heap.resize(message.headers->size() + kReservedHeaders);
    entries = on_heap.data();
  }
  int count = 0;
  auto const add = [&](std::string_view name, std::string_view value) {
    auto& entry = entries[count++];
    entry.key = to_bytes(name);
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = to_bytes(value);
  };
  if (!message.key.empty()) add(wire::kMessageKey, message.key);
  if (carries_own_idempotency_key(message)) add(wire::kIdempotencyKey, message.idempotency_key);
  if (!message.traceparent.empty()) add(wire::kTraceparent, message.traceparent);
  if (routing_key_header_ && !message.routing_key.empty()) add(wire::kRoutingKey, message.routing_key);
  for (auto const& header : *message.headers) add(header.name, header.value);

  amqp_basic_properties_t properties;  // only what the flags name is read
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.delivery_mode = kPersistent;
  if (!message.content_type.empty()) {
    properties._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
    properties.content_type = to_bytes(message.content_type);
  }
  if (count > 0) {
    properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    properties.headers = {count, entries};
  }
  if (message.priority) {
    properties._flags |= AMQP_BASIC_PRIORITY_FLAG;
    properties.priority = *message.priority;
  }
  std::array<char, kExpirationDigits> digits;
  if (message.time_to_live) {
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), message.time_to_live->count()).ptr;
    properties._flags |= AMQP_BASIC_EXPIRATION_FLAG;
    properties.expiration = to_bytes({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  if (!message.id.empty()) {
    properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.message_id = to_bytes(message.id);
  }
  if (message.timestamp_ms > 0) {
    properties._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
    properties.timestamp = static_cast<std::uint64_t>(message.timestamp_ms / 1000);
  }

  auto const room = header_room(message);
  auto* const at = out.reserve(room + kFrameOverhead);
  auto* const payload = at + kFrameHeaderBytes;
  store_big_endian(payload, std::uint16_t{AMQP_BASIC_CLASS});
  store_big_endian(payload + 2, std::uint16_t{0});
  store_big_endian(payload + 4, static_cast<std::uint64_t>(message.payload.size()));
  constexpr std::size_t kBeforeProperties = 12;
  auto const written = amqp_encode_properties(AMQP_BASIC_CLASS, &properties,
                                              to_bytes({payload + kBeforeProperties, room - kBeforeProperties}));
  auto const size = kBeforeProperties + static_cast<std::size_t>(written);  // header_room() made sure that it fits
  store_frame_header(at, AMQP_FRAME_HEADER, channel, size);
  payload[size] = static_cast<char>(AMQP_FRAME_END);
  out.commit(size + kFrameOverhead);
}

}  // namespace fairlead::amqp
