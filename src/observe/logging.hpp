#pragma once

#include <fairlead/error.hpp>
#include <fairlead/logger.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace fairlead {

// Names of the fields that more than one room logs.
namespace log_field {
inline constexpr std::string_view kTraceId = "trace_id";
inline constexpr std::string_view kDestination = "destination";
inline constexpr std::string_view kGroup = "group";
inline constexpr std::string_view kMessageId = "message_id";
inline constexpr std::string_view kKey = "key";
inline constexpr std::string_view kAttempt = "attempt";
inline constexpr std::string_view kDuration = "duration_ms";
inline constexpr std::string_view kResult = "result";
inline constexpr std::string_view kError = "error";
inline constexpr std::string_view kErrorType = "error.type";
inline constexpr std::string_view kPartition = "partition";
inline constexpr std::string_view kPosition = "position";
}  // namespace log_field

/// The fields of one record, collected on the stack: no allocation. Empty texts are left out. What is viewed must live
/// until the record was written. Single-owner.
class LogFields {
 public:
  static constexpr std::size_t kCapacity = 16;

  LogFields& add(std::string_view name, std::string_view value) noexcept {
    return value.empty() ? *this : push({name, value});
  }
  LogFields& add(std::string_view name, std::int64_t value) noexcept { return push({name, value}); }
  LogFields& add(std::string_view name, std::chrono::nanoseconds duration) noexcept {
    return push({name, std::chrono::duration<double, std::milli>(duration).count()});
  }
  /// What went wrong and its stable name.
  LogFields& add(Error const& error) noexcept {
    return add(log_field::kErrorType, to_string(error.code)).add(log_field::kError, error.message);
  }

  [[nodiscard]] std::span<LogField const> view() const noexcept { return {fields_.data(), size_}; }

 private:
  LogFields& push(LogField field) noexcept {
    if (size_ < kCapacity) fields_[size_++] = field;
    return *this;
  }
  std::array<LogField, kCapacity> fields_{};
  std::size_t size_ = 0;
};

/// Writes one record if its level is on. Where the fields cost something to collect, ask `is_enabled` first.
inline void log(Logger& logger, LogLevel level, std::string_view name, std::string_view text,
                std::span<LogField const> fields = {}) noexcept {
  if (logger.is_enabled(name, level)) logger.write({level, name, text, fields});
}
inline void log(Logger& logger, LogLevel level, std::string_view name, std::string_view text,
                std::initializer_list<LogField> fields) noexcept {
  log(logger, level, name, text, std::span<LogField const>(fields.begin(), fields.size()));
}

}  // namespace fairlead
