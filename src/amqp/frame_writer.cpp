#include "amqp/frame_writer.hpp"

#include <algorithm>
#include <cstring>

namespace fairlead::amqp {

std::string encode_method(amqp_method_number_t method, void* fields) {
  std::string payload(512, '\0');
  for (;;) {
    auto room = to_bytes(std::string_view(payload).substr(sizeof(std::uint32_t)));
    auto const size = amqp_encode_method(method, fields, room);
    if (size >= 0) {
      store_big_endian(payload.data(), static_cast<std::uint32_t>(method));
      payload.resize(sizeof(std::uint32_t) + static_cast<std::size_t>(size));
      return payload;
    }
    if (payload.size() >= kFrameMax) return {};  // only a struct that breaks the protocol's limits gets here
    payload.resize(payload.size() * 4);
  }
}

void store_frame_header(char* to, std::uint8_t type, std::uint16_t channel, std::size_t size) noexcept {
  to[0] = static_cast<char>(type);
  store_big_endian(to + 1, channel);
  store_big_endian(to + 3, static_cast<std::uint32_t>(size));
}

void append_protocol_header(ByteBuffer& out) {
  constexpr char kHeader[] = {'A', 'M', 'Q', 'P', 0, 0, 9, 1};
  out.append({kHeader, sizeof kHeader});
}

void append_frame(ByteBuffer& out, std::uint8_t type, std::uint16_t channel, std::string_view payload) {
  auto* const at = out.reserve(payload.size() + kFrameOverhead);
  store_frame_header(at, type, channel, payload.size());
  if (!payload.empty()) std::memcpy(at + kFrameHeaderBytes, payload.data(), payload.size());
  at[kFrameHeaderBytes + payload.size()] = static_cast<char>(AMQP_FRAME_END);
  out.commit(payload.size() + kFrameOverhead);
}

void append_method(ByteBuffer& out, std::uint16_t channel, amqp_method_number_t method, void* fields) {
  append_frame(out, AMQP_FRAME_METHOD, channel, encode_method(method, fields));
}

void append_heartbeat(ByteBuffer& out) { append_frame(out, AMQP_FRAME_HEARTBEAT, 0, {}); }

void append_body(ByteBuffer& out, std::uint16_t channel, std::string_view body, std::size_t frame_max) {
  while (!body.empty()) {
    auto const size = std::min(body.size(), frame_max - kFrameOverhead);
    append_frame(out, AMQP_FRAME_BODY, channel, body.substr(0, size));
    body.remove_prefix(size);
  }
}

bool append_recut(ByteBuffer& out, std::string_view frames, std::size_t frame_max) {
  auto const before = out.size();
  while (!frames.empty()) {
    auto const size = load_big_endian<std::uint32_t>(frames.data() + 3) + kFrameOverhead;
    if (frames.front() == AMQP_FRAME_BODY) {
      auto const channel = load_big_endian<std::uint16_t>(frames.data() + 1);
      append_body(out, channel, frames.substr(kFrameHeaderBytes, size - kFrameOverhead), frame_max);
    } else if (size <= frame_max) {
      out.append(frames.substr(0, size));
    } else {
      out.truncate(before);
      return false;
    }
    frames.remove_prefix(size);
  }
  return true;
}

}  // namespace fairlead::amqp
