#include "config/values.hpp"

#include "core/ids.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <vector>

namespace fairlead {
namespace {

template <class T>
struct Named {
  std::string_view name;
  T value;
};

constexpr Named<Ordering> kOrderings[] = {
    {"none", Ordering::kNone}, {"key", Ordering::kKey}, {"partition", Ordering::kPartition}};
constexpr Named<StartFrom> kStarts[] = {{"earliest", StartFrom::kEarliest}, {"latest", StartFrom::kLatest}};
constexpr Named<OnOutage> kOutages[] = {{"pause", OnOutage::kPause}, {"pass", OnOutage::kPass}};
constexpr Named<OnUnconfirmed> kUnconfirmed[] = {{"resend", OnUnconfirmed::kResend},
                                                 {"report", OnUnconfirmed::kReport}};
constexpr Named<ExchangeType> kExchanges[] = {{"topic", ExchangeType::kTopic},
                                              {"direct", ExchangeType::kDirect},
                                              {"fanout", ExchangeType::kFanout},
                                              {"headers", ExchangeType::kHeaders}};
constexpr Named<QueueType> kQueues[] = {
    {"quorum", QueueType::kQuorum}, {"classic", QueueType::kClassic}, {"stream", QueueType::kStream}};
constexpr Named<Compression> kCompressions[] = {{"none", Compression::kNone},
                                                {"snappy", Compression::kSnappy},
                                                {"lz4", Compression::kLz4},
                                                {"zstd", Compression::kZstd},
                                                {"gzip", Compression::kGzip}};
constexpr Named<LogLevel> kLevels[] = {{"trace", LogLevel::kTrace}, {"debug", LogLevel::kDebug},
                                       {"info", LogLevel::kInfo},   {"warn", LogLevel::kWarn},
                                       {"error", LogLevel::kError}, {"off", LogLevel::kOff}};
constexpr Named<LogFormat> kFormats[] = {{"json", LogFormat::kJson}, {"console", LogFormat::kConsole}};

template <class T, std::size_t N>
Complaint parse_named(std::string_view text, Named<T> const (&names)[N], T& out) {
  std::vector<std::string> known;
  std::string list;
  for (auto const& each : names) {
    if (each.name == text) {
      out = each.value;
      return std::nullopt;
    }
    known.emplace_back(each.name);
    list += (list.empty() ? "" : ", ") + std::string(each.name);
  }
  return "one of " + list + did_you_mean(text, known);
}

template <class T, std::size_t N>
std::string format_named(T value, Named<T> const (&names)[N]) {
  for (auto const& each : names) {
    if (each.value == value) return std::string(each.name);
  }
  return "?";
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr Unit kTimes[] = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
constexpr Unit kSizes[] = {
    {"", 1},           {"B", 1},           {"kB", 1'000},         {"KB", 1'000},     {"KiB", 1U << 10U},
    {"MB", 1'000'000}, {"MiB", 1U << 20U}, {"GB", 1'000'000'000}, {"GiB", 1U << 30U}};

template <std::size_t N>
Complaint parse_units(std::string_view text, Unit const (&units)[N], char const* examples, std::uint64_t& out) {
  std::uint64_t number = 0;
  auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view const unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (status == std::errc()) {
    for (auto const& each : units) {
      if (each.name != unit) continue;
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / each.factor) break;
      out = number * each.factor;
      return std::nullopt;
    }
  }
  return examples;
}

/// Double quotes, in which YAML has escapes: for lines and control characters.
std::string quote_twice(std::string_view text) {
  std::string quoted = "\"";
  for (char const c : text) {
    bool const is_control = static_cast<unsigned char>(c) < ' ' || c == 0x7f;
    if (c == '\n') {
      quoted += "\\n";
    } else if (is_control) {
      quoted += "\\x00";
      write_hex(quoted.data() + quoted.size() - 2, static_cast<unsigned char>(c), 2);
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace

Complaint parse_value(std::string_view text, std::string& out) {
  out = text;
  return std::nullopt;
}

Complaint parse_value(std::string_view text, bool& out) {
  if (text != "true" && text != "false") return "true or false";
  out = text == "true";
  return std::nullopt;
}

Complaint parse_value(std::string_view text, int& out) {
  auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (status == std::errc() && end == text.data() + text.size()) return std::nullopt;
  return "a whole number";
}

Complaint parse_value(std::string_view text, double& out) {
  auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (status == std::errc() && end == text.data() + text.size()) return std::nullopt;
  return "a number";
}

Complaint parse_value(std::string_view text, std::size_t& out) {
  std::uint64_t bytes = 0;
  auto complaint = parse_units(text, kSizes, "a size such as 512KiB, 32MiB or 1000000", bytes);
  if (!complaint) out = bytes;
  return complaint;
}

Complaint parse_value(std::string_view text, std::chrono::milliseconds& out) {
  std::uint64_t milliseconds = 0;
  auto complaint = parse_units(text, kTimes, "a time with its unit such as 200ms, 30s, 5m, 2h or 7d", milliseconds);
  if (!complaint) out = std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
  return complaint;
}

Complaint parse_value(std::string_view text, std::chrono::seconds& out) {
  std::chrono::milliseconds exact{};
  if (auto complaint = parse_value(text, exact)) return complaint;
  out = std::chrono::duration_cast<std::chrono::seconds>(exact);
  if (out != exact) return "a whole number of seconds";
  return std::nullopt;
}

Complaint parse_value(std::string_view text, Rate& out) {
  static constexpr char const* kExamples = "a rate such as 500/s, 30/m or 1000/h";
  auto const slash = text.find('/');
  if (slash == std::string_view::npos) return kExamples;
  double count = 0;
  if (parse_value(text.substr(0, slash), count) || !std::isfinite(count) || count < 0) return kExamples;
  for (auto const& unit : kTimes) {
    if (unit.name != text.substr(slash + 1)) continue;
    out.per_second = count * 1'000 / static_cast<double>(unit.factor);
    return std::nullopt;
  }
  return kExamples;
}

Complaint parse_value(std::string_view text, Ordering& out) { return parse_named(text, kOrderings, out); }
Complaint parse_value(std::string_view text, StartFrom& out) { return parse_named(text, kStarts, out); }
Complaint parse_value(std::string_view text, OnOutage& out) { return parse_named(text, kOutages, out); }
Complaint parse_value(std::string_view text, OnUnconfirmed& out) { return parse_named(text, kUnconfirmed, out); }
Complaint parse_value(std::string_view text, ExchangeType& out) { return parse_named(text, kExchanges, out); }
Complaint parse_value(std::string_view text, QueueType& out) { return parse_named(text, kQueues, out); }
Complaint parse_value(std::string_view text, Compression& out) { return parse_named(text, kCompressions, out); }
Complaint parse_value(std::string_view text, LogLevel& out) { return parse_named(text, kLevels, out); }
Complaint parse_value(std::string_view text, LogFormat& out) { return parse_named(text, kFormats, out); }

std::string format_value(std::string const& value) {
  bool const is_null = value.empty() || value == "~" || value == "null" || value == "Null" || value == "NULL";
  bool const is_control = std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
  bool const is_plain = !is_null &&
                        std::string_view("-?:=,[]{}#&*!|>'\"%@`").find(value[0]) == std::string_view::npos &&
                        value.find_first_of(" #,[]{}") == std::string::npos && value.back() != ':';
  if (is_control) return quote_twice(value);
  if (is_plain) return value;
  std::string quoted = "'";
  for (char const c : value) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}
std::string format_value(bool value) { return value ? "true" : "false"; }
std::string format_value(int value) { return std::to_string(value); }
std::string format_value(double value) {
  char text[32];
  auto const end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}
std::string format_value(std::size_t value) {
  if (value > 0 && value % (1U << 20U) == 0) return std::to_string(value >> 20U) + "MiB";
  if (value > 0 && value % (1U << 10U) == 0) return std::to_string(value >> 10U) + "KiB";
  return std::to_string(value);
}
std::string format_value(std::chrono::milliseconds value) {
  auto const count = static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0));
  // The widest unit that it is a whole number of.
  auto const unit = std::find_if(std::rbegin(kTimes), std::rend(kTimes) - 1,
                                 [count](Unit const& each) { return count > 0 && count % each.factor == 0; });
  return std::to_string(count / unit->factor) + std::string(unit->name);
}
std::string format_value(std::chrono::seconds value) { return std::to_string(value.count()) + "s"; }
std::string format_value(Rate value) {
  auto const per_hour = value.per_second * 3'600;
  if (value.per_second == std::floor(value.per_second)) return format_value(value.per_second) + "/s";
  if (per_hour / 60 == std::floor(per_hour / 60)) return format_value(per_hour / 60) + "/m";
  return format_value(per_hour) + "/h";
}
std::string format_value(Ordering value) { return format_named(value, kOrderings); }
std::string format_value(StartFrom value) { return format_named(value, kStarts); }
std::string format_value(OnOutage value) { return format_named(value, kOutages); }
std::string format_value(OnUnconfirmed value) { return format_named(value, kUnconfirmed); }
std::string format_value(ExchangeType value) { return format_named(value, kExchanges); }
std::string format_value(QueueType value) { return format_named(value, kQueues); }
std::string format_value(Compression value) { return format_named(value, kCompressions); }
std::string format_value(LogLevel value) { return format_named(value, kLevels); }
std::string format_value(LogFormat value) { return format_named(value, kFormats); }

}  // namespace fairlead
