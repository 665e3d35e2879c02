#pragma once

#include "amqp/byte_buffer.hpp"
#include "publish/sink.hpp"

#include <fairlead/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::amqp {

/// Writes basic.publish with its content header and body. What is the same for every message of a destination is
/// encoded once. Thread-compatible; encoding is const.
class PublishEncoder {
 public:
  explicit PublishEncoder(std::string_view exchange);

  /// For destinations without an exchange of their own: the message's routing key travels as a header.
  void carry_routing_key_as_header() noexcept { routing_key_header_ = true; }

  /// Whether the message fits into AMQP's fields; checked before encode().
  [[nodiscard]] Result<void> check(std::string_view routing_key, Outbound const& message, std::size_t frame_max) const;

  /// At most so many bytes does encode() append.
  [[nodiscard]] std::size_t size_bound(std::string_view routing_key, Outbound const& message,
                                       std::size_t frame_max) const noexcept;

  /// Appends the frames. `routing_key` is the one on the wire.
  void encode(ByteBuffer& out, std::uint16_t channel, std::string_view routing_key, Outbound const& message,
              std::size_t frame_max) const;

 private:
  [[nodiscard]] std::size_t header_room(Outbound const& message) const noexcept;
  void append_publish_method(ByteBuffer& out, std::uint16_t channel, std::string_view routing_key) const;
  void append_content_header(ByteBuffer& out, std::uint16_t channel, Outbound const& message) const;

  std::string method_prefix_;  // basic.publish up to the routing key
  bool routing_key_header_ = false;
};

}  // namespace fairlead::amqp
