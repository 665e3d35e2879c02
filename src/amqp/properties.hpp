#pragma once

#include "consume/inbound.hpp"

#include <cstdint>
#include <string_view>

namespace fairlead::amqp {

/// The properties of a received message as Fairlead uses them: views into the content header frame.
struct Properties {
  std::string_view content_type;
  std::string_view headers;  ///< the encoded table without its size
  std::string_view message_id;
  std::uint64_t timestamp_s = 0;
};

/// Reads the payload of a content header frame behind the body size. Copies and allocates nothing. Returns false when
/// it is malformed.
///
/// Not amqp_decode_properties: that allocates for every table and recurses as deep as the sender of a message wants.
[[nodiscard]] bool read_properties(std::string_view encoded, Properties& properties) noexcept;

/// Gives each header of an encoded table to `message.take_header`. Strings and byte arrays stay as they are, numbers,
/// booleans and timestamps (seconds) become text in `message.scratch`. Nested tables, arrays, decimals and void have
/// no form as a byte string and are left out, as are the broker's own notes on deliveries and on dead-lettering: a copy
/// of the message would carry them on. Returns false when the table is malformed.
[[nodiscard]] bool take_headers(std::string_view table, Inbound& message);

}  // namespace fairlead::amqp
