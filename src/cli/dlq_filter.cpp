#include "cli/dlq_filter.hpp"

#include "cli/command.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace fairlead::cli {
namespace {

using TimePoint = std::chrono::system_clock::time_point;

Result<std::optional<TimePoint>> before(TimePoint now, std::optional<std::string> const& age, char const* option) {
  if (!age) return std::optional<TimePoint>();
  auto const parsed = parse_time(*age);
  if (!parsed) return Error{Errc::kInvalidArgument, std::string(option) + " takes a time such as 30s, 5m, 2h or 7d"};
  return std::optional(now - *parsed);
}

/// `2026-01-31T23:59:59.123Z`, as the envelope writes it.
std::optional<TimePoint> parse_instant(std::string_view text) {
  std::tm utc{};
  int milliseconds = 0;
  int read = 0;
  std::string const terminated(text);
  int const fields = std::sscanf(terminated.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &utc.tm_year, &utc.tm_mon,
                                 &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &milliseconds, &read);
  if (fields != 7 || static_cast<std::size_t>(read) != text.size()) return std::nullopt;
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  return std::chrono::system_clock::from_time_t(timegm(&utc)) + std::chrono::milliseconds(milliseconds);
}

}  // namespace

TimePoint failed_at(Delivery const& delivery) {
  auto const noted = delivery.header("fairlead-failed-at");
  auto const parsed = noted ? parse_instant(*noted) : std::nullopt;
  return parsed.value_or(delivery.timestamp());
}

Result<DeadLetterFilter> DeadLetterFilter::make(DeadLetterChoice const& choice, TimePoint now) {
  DeadLetterFilter filter;
  filter.error_code_ = choice.error_code;
  filter.key_ = choice.key;
  filter.id_ = choice.id;
  for (auto const& header : choice.headers) {
    auto const equals = header.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{Errc::kInvalidArgument, "--header takes NAME=VALUE, not '" + header + "'"};
    }
    filter.headers_.push_back({header.substr(0, equals), header.substr(equals + 1)});
  }
  auto const by = before(now, choice.older_than, "--older-than");
  if (!by) return by.error();
  auto const since = before(now, choice.newer_than, "--newer-than");
  if (!since) return since.error();
  filter.failed_by_ = *by;
  filter.failed_since_ = *since;
  return filter;
}

bool DeadLetterFilter::matches(Delivery const& delivery) const {
  if (id_ && delivery.id() != *id_) return false;
  if (key_ && delivery.key() != *key_) return false;
  if (error_code_ && delivery.header("fairlead-error-code") != std::string_view(*error_code_)) return false;
  if (failed_by_ && failed_at(delivery) > *failed_by_) return false;
  if (failed_since_ && failed_at(delivery) < *failed_since_) return false;
  return std::all_of(headers_.begin(), headers_.end(), [&](Header const& header) {
    return delivery.header(header.name) == std::string_view(header.value);
  });
}

}  // namespace fairlead::cli
