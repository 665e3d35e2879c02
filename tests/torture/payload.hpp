#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::torture {

/// What is published: `RUN NUMBER SIZE CRC32C ` in digits of fixed width, then SIZE bytes that follow from the number.
/// The check sum covers everything but itself, so that whatever was cut short, mixed up or changed is found.
struct Payload {
  std::uint32_t run = 0;     ///< of which run it is: another run's messages are not taken for this one's
  std::uint64_t number = 0;  ///< names the message within the run
};

inline constexpr std::size_t kMaxBody = 64 * 1024;

/// How many bytes follow the header of that number: mostly few, at most `max`.
[[nodiscard]] std::size_t body_size(std::uint64_t number, std::size_t max);

[[nodiscard]] std::string encode(Payload payload, std::size_t body_size);

/// Nothing when it is not what was encoded.
[[nodiscard]] std::optional<Payload> decode(std::string_view text);

}  // namespace fairlead::torture
