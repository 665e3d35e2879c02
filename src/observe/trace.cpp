#include "observe/trace.hpp"

#include "core/ids.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace fairlead {
namespace {

constexpr std::size_t kLength = 55;
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kTraceDigits = 32;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kSpanDigits = 16;
constexpr std::size_t kFlagsAt = 53;

thread_local std::string_view current;

bool is_hex(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char digit) { return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'); });
}

bool is_id(std::string_view text) noexcept {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

/// All zeros means "no id".
std::uint64_t nonzero_bits() noexcept {
  for (;;) {
    if (std::uint64_t const bits = random_bits(); bits != 0) return bits;
  }
}

}  // namespace

bool is_traceparent(std::string_view text) noexcept {
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  std::string_view const version = text.substr(0, 2);
  if (!is_hex(version) || version == "ff") return false;
  // A later version may append fields; version 00 has none.
  if (text.size() > kLength && (version == "00" || text[kLength] != '-')) return false;
  return is_id(text.substr(kTraceAt, kTraceDigits)) && is_id(text.substr(kSpanAt, kSpanDigits)) &&
         is_hex(text.substr(kFlagsAt, 2));
}

void make_traceparent(std::string& out, std::string_view parent) {
  std::array<char, kLength> text;
  if (is_traceparent(parent)) {
    std::copy_n(parent.begin(), kLength, text.begin());
    text[0] = text[1] = '0';  // of a later version only what version 00 knows is continued
  } else {
    text[0] = text[1] = '0';
    text[2] = text[35] = text[52] = '-';
    write_hex(&text[kTraceAt], nonzero_bits(), 16);
    write_hex(&text[kTraceAt + 16], random_bits(), 16);
    text[kFlagsAt] = '0';
    text[kFlagsAt + 1] = '1';
  }
  write_hex(&text[kSpanAt], nonzero_bits(), 16);
  out.assign(text.data(), text.size());
}

std::string_view trace_id_of(std::string_view traceparent) noexcept {
  return is_traceparent(traceparent) ? traceparent.substr(kTraceAt, kTraceDigits) : std::string_view();
}

std::string_view current_traceparent() noexcept { return current; }

TraceScope::TraceScope(std::string_view traceparent) noexcept : outer_(current) { current = traceparent; }
TraceScope::~TraceScope() { current = outer_; }

}  // namespace fairlead
