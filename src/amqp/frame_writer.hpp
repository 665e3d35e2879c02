#pragma once

#include "amqp/byte_buffer.hpp"
#include "amqp/codec.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::amqp {

/// The payload of a method frame: the method's id and its fields.
[[nodiscard]] std::string encode_method(amqp_method_number_t method, void* fields);

void append_protocol_header(ByteBuffer& out);
void append_frame(ByteBuffer& out, std::uint8_t type, std::uint16_t channel, std::string_view payload);
void append_method(ByteBuffer& out, std::uint16_t channel, amqp_method_number_t method, void* fields);
void append_heartbeat(ByteBuffer& out);
/// The body of a message in as many frames as `frame_max` asks for; none when it is empty.
void append_body(ByteBuffer& out, std::uint16_t channel, std::string_view body, std::size_t frame_max);

/// Appends one message's frames for a peer that takes smaller ones: bodies are cut again. False, with nothing appended,
/// when its method or its header do not fit.
[[nodiscard]] bool append_recut(ByteBuffer& out, std::string_view frames, std::size_t frame_max);

/// Writes the seven octets in front of a frame's payload.
void store_frame_header(char* to, std::uint8_t type, std::uint16_t channel, std::size_t size) noexcept;

}  // namespace fairlead::amqp
