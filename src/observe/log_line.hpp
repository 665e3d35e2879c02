#pragma once

#include <fairlead/logger.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace fairlead {

/// Longer values are cut.
inline constexpr std::size_t kMaxLogValueBytes = 1024;

/// Appends `value` so that it cannot end a line, a JSON string or a terminal's patience: control characters, line and
/// paragraph separators and text direction marks are escaped as in JSON, invalid UTF-8 becomes U+FFFD, and what is over
/// `kMaxLogValueBytes` is cut and ends in `...`.
void append_escaped(std::string& out, std::string_view value);

/// Appends the record as one JSON object with the names of the OpenTelemetry log data model, without a line end.
void append_json_line(std::string& out, LogRecord const& record, std::chrono::system_clock::time_point time,
                      std::string_view service);

/// Appends the record as one line for people, without a line end.
void append_console_line(std::string& out, LogRecord const& record, std::chrono::system_clock::time_point time);

}  // namespace fairlead
