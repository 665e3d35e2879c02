#include "torture/payload.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace fairlead::torture {
namespace {

constexpr std::size_t kFront = 8 + 1 + 12 + 1 + 6 + 1;  // run, number, size
constexpr std::size_t kHeader = kFront + 8 + 1;         // and the check sum

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
    table[i] = crc;
  }
  return table;
}

std::uint32_t crc32c(std::string_view front, std::string_view body) {
  static constexpr auto kTable = make_crc_table();
  std::uint32_t crc = ~0U;
  for (auto const part : {front, body}) {
    for (char const byte : part) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU];
  }
  return ~crc;
}

/// splitmix64: any number gives a well mixed one.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

template <class T>
bool parse(std::string_view text, T& value, int base) {
  auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return status == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::size_t body_size(std::uint64_t number, std::size_t max) {
  auto const random = mix(number);
  auto const share = random % 1000;
  std::size_t const limit = share < 700 ? 64 : share < 950 ? 1024 : share < 999 ? 8 * 1024 : kMaxBody;
  return std::min<std::size_t>((random >> 16) % (limit + 1), max);
}

std::string encode(Payload payload, std::size_t body_size) {
  char front[kFront + 1];
  std::snprintf(front, sizeof front, "%08x %012llu %06zu ", payload.run,
                static_cast<unsigned long long>(payload.number), body_size);
  std::string text(front, kFront);
  text.resize(kHeader);
  text.reserve(kHeader + body_size + sizeof(std::uint64_t));
  for (std::size_t at = 0; at < body_size; at += sizeof(std::uint64_t)) {
    auto const bytes = mix(payload.number + at);
    text.append(reinterpret_cast<char const*>(&bytes), sizeof bytes);
  }
  text.resize(kHeader + body_size);
  char sum[10];
  std::snprintf(sum, sizeof sum, "%08x ", crc32c({front, kFront}, std::string_view(text).substr(kHeader)));
  text.replace(kFront, 9, sum, 9);
  return text;
}

std::optional<Payload> decode(std::string_view text) {
  if (text.size() < kHeader) return std::nullopt;
  Payload payload;
  std::size_t size = 0;
  std::uint32_t sum = 0;
  bool const is_read = parse(text.substr(0, 8), payload.run, 16) && parse(text.substr(9, 12), payload.number, 10) &&
                       parse(text.substr(22, 6), size, 10) && parse(text.substr(kFront, 8), sum, 16);
  if (!is_read || text.size() != kHeader + size) return std::nullopt;
  if (sum != crc32c(text.substr(0, kFront), text.substr(kHeader))) return std::nullopt;
  return payload;
}

}  // namespace fairlead::torture
