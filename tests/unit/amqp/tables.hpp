#pragma once

#include "amqp/codec.hpp"
#include "amqp/frame_writer.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Parts of AMQP frames that nobody in his right mind would send.
namespace fairlead::amqp {

/// A table in a table in a table ...: 7 bytes a level.
inline std::string nested_tables(std::size_t levels) {
  std::string bytes;
  for (std::size_t left = levels; left > 0; --left) {
    char head[] = {1, 'n', AMQP_FIELD_KIND_TABLE, 0, 0, 0, 0};
    store_big_endian(head + 3, static_cast<std::uint32_t>((left - 1) * sizeof head));
    bytes.append(head, sizeof head);
  }
  return bytes;
}

/// So many that one frame has room for little else.
inline constexpr std::size_t kMostLevels = 18'680;

/// With its size.
inline std::string long_string(std::string_view bytes) {
  char size[4];
  store_big_endian(size, static_cast<std::uint32_t>(bytes.size()));
  return std::string(size, sizeof size).append(bytes);
}

}  // namespace fairlead::amqp
