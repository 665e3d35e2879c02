#pragma once

#include <fairlead/export.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace fairlead {

/// 64 random bits from a generator that each thread seeds once from the operating system. Not for secrets.
[[nodiscard]] std::uint64_t random_bits() noexcept;

/// Replaces `out` with a new UUIDv7 (RFC 9562): 36 characters that sort by time. Allocates nothing when `out` has room.
FAIRLEAD_EXPORT void make_message_id(std::string& out);
void make_message_id(std::string& out, std::chrono::system_clock::time_point now);

/// Writes `digits` lower-case hexadecimal digits of `value`, most significant first.
void write_hex(char* out, std::uint64_t value, int digits) noexcept;

}  // namespace fairlead
