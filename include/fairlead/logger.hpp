#pragma once

#include <fairlead/config.hpp>
#include <fairlead/export.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <variant>

namespace fairlead {

struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

/// One event. Views live only until `Logger::write` returns.
struct LogRecord {
  LogLevel level;
  std::string_view logger;  ///< `publish`, `handle`, `connection`, `kafka`, `amqp`, ...
  std::string_view text;
  std::span<LogField const> fields;
};

/// Where the library's log goes. Implement it to bring your own; `make_logger` gives the default on spdlog.
/// Thread-safe: called from any thread of the library, never from inside a client library's lock. Must not throw.
class FAIRLEAD_EXPORT Logger {
 public:
  virtual ~Logger();
  /// Asked before a record is built, so that a level that is off costs nothing more.
  [[nodiscard]] virtual bool is_enabled(std::string_view logger, LogLevel level) const noexcept = 0;
  virtual void write(LogRecord const& record) noexcept = 0;
};

/// The spdlog logger: JSON lines or a readable console form. Control characters are escaped and values cut at 1 KiB,
/// so that no payload can forge a log line. `service` becomes `service.name`.
[[nodiscard]] FAIRLEAD_EXPORT Result<std::shared_ptr<Logger>> make_logger(LogConfig const& config,
                                                                          std::string_view service);

}  // namespace fairlead
