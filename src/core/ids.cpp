#include "core/ids.hpp"

#include "core/process_mark.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <random>

namespace fairlead {
namespace {

struct SplitMix {
  std::uint64_t state = 0;
  ProcessMark process;
  SplitMix() {
    std::random_device device;
    state = (static_cast<std::uint64_t>(device()) << 32U) ^ device();
  }
  std::uint64_t next() noexcept {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
};

/// Eight digits without a look-up: each nibble in a byte of its own, then all bytes at once.
void write_hex_8(char* out, std::uint32_t value) noexcept {
  std::uint64_t digits = value;
  digits = (digits << 16U | digits) & 0x0000'ffff'0000'ffffU;
  digits = (digits << 8U | digits) & 0x00ff'00ff'00ff'00ffU;
  digits = (digits << 4U | digits) & 0x0f0f'0f0f'0f0f'0f0fU;
  std::uint64_t const is_letter = (digits + 0x0606'0606'0606'0606U) >> 4U & 0x0101'0101'0101'0101U;
  digits += 0x3030'3030'3030'3030U + is_letter * ('a' - '0' - 10);
  if constexpr (std::endian::native == std::endian::little) digits = __builtin_bswap64(digits);
  std::memcpy(out, &digits, sizeof digits);
}

}  // namespace

std::uint64_t random_bits() noexcept {
  thread_local SplitMix generator;
  if (generator.process.is_foreign()) generator = SplitMix();  // or parent and child give out the same ids
  return generator.next();
}

void write_hex(char* out, std::uint64_t value, int digits) noexcept {
  for (; digits >= 8; digits -= 8) write_hex_8(out + digits - 8, static_cast<std::uint32_t>(value)), value >>= 32U;
  char rest[8];
  if (digits == 0) return;
  write_hex_8(rest, static_cast<std::uint32_t>(value));
  std::copy_n(rest + 8 - digits, digits, out);
}

void make_message_id(std::string& out) { make_message_id(out, std::chrono::system_clock::now()); }

void make_message_id(std::string& out, std::chrono::system_clock::time_point now) {
  auto const milliseconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
  constexpr std::uint64_t kVersion = std::uint64_t{7} << 12U;
  constexpr std::uint64_t kVariant = std::uint64_t{2} << 62U;  // RFC 9562
  char digits[32];
  write_hex(digits, milliseconds << 16U | kVersion | (random_bits() & 0x0fffU), 16);
  write_hex(digits + 16, kVariant | random_bits() >> 2U, 16);
  out.resize(36);
  char* to = out.data();
  to = std::copy_n(digits, 8, to);
  *to++ = '-';
  to = std::copy_n(digits + 8, 4, to);
  *to++ = '-';
  to = std::copy_n(digits + 12, 4, to);
  *to++ = '-';
  to = std::copy_n(digits + 16, 4, to);
  *to++ = '-';
  std::copy_n(digits + 20, 12, to);
}

}  // namespace fairlead
