#include "observe/log_line.hpp"

#include "core/ids.hpp"
#include "core/text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <variant>

namespace fairlead {
namespace {

using std::chrono::nanoseconds;

struct Severity {
  std::string_view text;
  int number;  // OpenTelemetry severity number
};

Severity severity_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kTrace: return {"TRACE", 1};
    case LogLevel::kDebug: return {"DEBUG", 5};
    case LogLevel::kInfo: return {"INFO", 9};
    case LogLevel::kWarn: return {"WARN", 13};
    case LogLevel::kError:
    case LogLevel::kOff: break;
  }
  return {"ERROR", 17};
}

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> digits;
  auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_padded(std::string& out, std::int64_t value, int digits) {
  std::array<char, 9> text;
  for (int i = digits - 1; i >= 0; --i) {
    text[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(text.data(), static_cast<std::size_t>(digits));
}

/// RFC 3339 in UTC with that many digits of the second.
void append_time(std::string& out, std::chrono::system_clock::time_point time, int digits) {
  auto const day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day const date(day);
  std::chrono::hh_mm_ss const clock(std::chrono::duration_cast<nanoseconds>(time - day));
  append_padded(out, static_cast<int>(date.year()), 4);
  out.push_back('-');
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out.push_back('-');
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out.push_back('T');
  append_padded(out, clock.hours().count(), 2);
  out.push_back(':');
  append_padded(out, clock.minutes().count(), 2);
  out.push_back(':');
  append_padded(out, clock.seconds().count(), 2);
  out.push_back('.');
  std::int64_t fraction = clock.subseconds().count();
  for (int digit = digits; digit < 9; ++digit) fraction /= 10;
  append_padded(out, fraction, digits);
  out.push_back('Z');
}

std::uint32_t code_point(std::string_view sequence) noexcept {
  auto const byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(sequence[i])); };
  switch (sequence.size()) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1fU) << 6U | (byte(1) & 0x3fU);
    case 3: return (byte(0) & 0x0fU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU);
    default: return 0x10000;  // nothing above the basic plane needs an escape
  }
}

bool is_unsafe(std::uint32_t code) noexcept {
  bool const control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  bool const separator_or_direction = (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return control || separator_or_direction;
}

void append_code(std::string& out, std::uint32_t code) {
  switch (code) {
    case '\n': out.append("\\n"); return;
    case '\r': out.append("\\r"); return;
    case '\t': out.append("\\t"); return;
    default: break;
  }
  out.append("\\u0000");
  write_hex(&out[out.size() - 4], code, 4);
}

/// At most `kMaxLogValueBytes` bytes, not in the middle of a character.
std::string_view cut(std::string_view value) noexcept {
  if (value.size() <= kMaxLogValueBytes) return value;
  std::size_t end = kMaxLogValueBytes;
  for (int back = 0; back < 3 && (static_cast<unsigned char>(value[end]) & 0xc0U) == 0x80U; ++back) --end;
  return value.substr(0, end);
}

void append_quoted(std::string& out, std::string_view value) {
  out.push_back('"');
  append_escaped(out, value);
  out.push_back('"');
}

void append_json_value(std::string& out, LogField const& field) {
  std::visit(
      [&out](auto value) {
        using Value = decltype(value);
        if constexpr (std::is_same_v<Value, std::string_view>) {
          append_quoted(out, value);
        } else if constexpr (std::is_same_v<Value, bool>) {
          out.append(value ? "true" : "false");
        } else if constexpr (std::is_same_v<Value, double>) {
          std::isfinite(value) ? append_number(out, value) : void(out.append("null"));
        } else {
          append_number(out, value);
        }
      },
      field.value);
}

void append_member(std::string& out, LogField const& field) {
  out.push_back(',');
  append_quoted(out, field.name);
  out.push_back(':');
  append_json_value(out, field);
}

/// These stand at the top, where log collectors look for them.
bool is_trace_field(std::string_view name) noexcept {
  return name == "trace_id" || name == "span_id" || name == "trace_flags";
}

bool is_plain(std::string_view value) noexcept {
  if (value.empty() || value.size() > kMaxLogValueBytes) return false;
  for (char const letter : value) {
    if (letter <= ' ' || letter > '~' || letter == '"' || letter == '=' || letter == '\\') return false;
  }
  return true;
}

}  // namespace

void append_escaped(std::string& out, std::string_view value) {
  std::string_view rest = cut(value);
  bool const is_cut = rest.size() < value.size();
  while (!rest.empty()) {
    std::size_t const length = utf8_sequence(rest);
    if (length == 0) {
      out.append("\xef\xbf\xbd");
      rest.remove_prefix(1);
      continue;
    }
    std::string_view const sequence = rest.substr(0, length);
    std::uint32_t const code = code_point(sequence);
    if (is_unsafe(code)) {
      append_code(out, code);
    } else {
      if (code == '"' || code == '\\') out.push_back('\\');
      out.append(sequence);
    }
    rest.remove_prefix(length);
  }
  if (is_cut) out.append("...");
}

void append_json_line(std::string& out, LogRecord const& record, std::chrono::system_clock::time_point time,
                      std::string_view service) {
  Severity const severity = severity_of(record.level);
  out.append(R"({"timestamp":")");
  append_time(out, time, 9);
  out.append(R"(","severity_text":")").append(severity.text).append(R"(","severity_number":)");
  append_number(out, severity.number);
  out.append(R"(,"body":)");
  append_quoted(out, record.text);
  for (auto const& field : record.fields) {
    if (is_trace_field(field.name)) append_member(out, field);
  }
  append_member(out, {"service.name", service});
  append_member(out, {"logger", record.logger});
  for (auto const& field : record.fields) {
    if (!is_trace_field(field.name)) append_member(out, field);
  }
  out.push_back('}');
}

void append_console_line(std::string& out, LogRecord const& record, std::chrono::system_clock::time_point time) {
  append_time(out, time, 3);
  Severity const severity = severity_of(record.level);
  out.push_back(' ');
  out.append(severity.text).append(6 - severity.text.size(), ' ');
  append_escaped(out, record.logger);
  out.append(": ");
  append_escaped(out, record.text);
  for (auto const& field : record.fields) {
    out.push_back(' ');
    append_escaped(out, field.name);
    out.push_back('=');
    auto const* text = std::get_if<std::string_view>(&field.value);
    if (text != nullptr && is_plain(*text)) {
      out.append(*text);
    } else {
      append_json_value(out, field);
    }
  }
}

}  // namespace fairlead
