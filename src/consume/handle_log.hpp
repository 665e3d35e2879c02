#pragma once

#include "consume/handler_watch.hpp"
#include "consume/inbound.hpp"

#include <fairlead/error.hpp>
#include <fairlead/health.hpp>
#include <fairlead/logger.hpp>

#include <chrono>
#include <optional>
#include <string_view>

namespace fairlead {

/// What a subscription tells its operator: one record per handled message, and what goes wrong beside that.
/// Thread-safe.
class HandleLog {
 public:
  using Duration = std::chrono::steady_clock::duration;

  explicit HandleLog(Logger& logger) noexcept : logger_(&logger) {}

  /// Successful handlings are recorded too. Asked once per batch: without it a message costs no clock reading.
  [[nodiscard]] bool records_success() const noexcept;
  void handled(LogLevel level, Inbound const& message, std::string_view result, std::optional<Duration> duration) const;

  void forward_failed(Inbound const& message, Error const& error) const;
  void store_failed(Inbound const& message, Error const& error) const;
  void lease_had_ended(Inbound const& message) const;
  void unsettled(Inbound const& message) const;
  void state_changed(std::string_view destination, std::string_view group, SubscriptionState state) const;
  void handler_overran(std::string_view destination, std::string_view group,
                       HandlerWatch::Overrun const& overrun) const;
  void source_reported(std::string_view destination, std::string_view group, Error const& error) const;

 private:
  void write(LogLevel level, std::string_view text, Inbound const& message, Error const* error) const;

  Logger* logger_;
};

}  // namespace fairlead
