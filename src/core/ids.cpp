#include "core/ids.hpp"

#include <chrono>
#include <random>

namespace fairlead {
namespace {

struct SplitMix {
  std::uint64_t state;
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

}  // namespace

std::uint64_t random_bits() noexcept {
  thread_local SplitMix generator;
  return generator.next();
}

void write_hex(char* out, std::uint64_t value, int digits) noexcept {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = kDigits[value & 0xfU];
    value >>= 4U;
  }
}

void make_message_id(std::string& out) {
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  auto const milliseconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  std::uint64_t const high = random_bits();
  std::uint64_t const low = random_bits();
  out.resize(36);
  char* const id = out.data();
  write_hex(id, milliseconds >> 16U, 8);
  id[8] = '-';
  write_hex(id + 9, milliseconds & 0xffffU, 4);
  id[13] = '-';
  write_hex(id + 14, 0x7000U | (high & 0x0fffU), 4);  // version 7
  id[18] = '-';
  write_hex(id + 19, 0x8000U | (high >> 16U & 0x3fffU), 4);  // RFC variant
  id[23] = '-';
  write_hex(id + 24, low, 12);
}

}  // namespace fairlead
