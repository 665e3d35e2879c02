#include "kafka/kafka_log.hpp"

#include "observe/logging.hpp"
#include "observe/redact.hpp"

namespace fairlead::kafka {
namespace {

LogLevel level_of(int severity) noexcept {
  constexpr int kWarning = 4;
  constexpr int kInfo = 6;
  if (severity < kWarning) return LogLevel::kError;
  if (severity == kWarning) return LogLevel::kWarn;
  return severity <= kInfo ? LogLevel::kInfo : LogLevel::kDebug;
}

/// One `kafka.conf` serves producer and consumer handles, so each is told of the other's properties.
bool is_expected(std::string_view facility, std::string_view text) noexcept {
  return facility == "CONFWARN" && text.find("will be ignored by this") != std::string_view::npos;
}

}  // namespace

void write_log(Logger& logger, int severity, char const* facility, char const* text) {
  auto const level = level_of(severity);
  if (!logger.is_enabled("kafka", level) || is_expected(facility, text)) return;
  log(logger, level, "kafka", redact(text), {LogField{"facility", std::string_view(facility)}});
}

}  // namespace fairlead::kafka
