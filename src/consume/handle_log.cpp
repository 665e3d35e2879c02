#include "consume/handle_log.hpp"

#include "observe/logging.hpp"
#include "observe/trace.hpp"

#include <cstdint>

namespace fairlead {

namespace {

std::string_view trace_id(Inbound const& message) noexcept {
  return trace_id_of(message.trace.empty() ? message.traceparent : std::string_view(message.trace));
}

LogFields fields_of(Inbound const& message) noexcept {
  LogFields fields;
  fields.add(log_field::kTraceId, trace_id(message))
      .add(log_field::kDestination, message.destination)
      .add(log_field::kGroup, message.group)
      .add(log_field::kMessageId, message.id)
      .add(log_field::kKey, message.key)
      .add(log_field::kPartition, std::int64_t{message.partition})
      .add(log_field::kPosition, message.position)
      .add(log_field::kAttempt, std::int64_t{message.attempt});
  return fields;
}

}  // namespace

bool HandleLog::records_success() const noexcept { return logger_->is_enabled("handle", LogLevel::kDebug); }

void HandleLog::handled(LogLevel level, Inbound const& message, std::string_view result,
                        std::optional<Duration> duration) const {
  if (!logger_->is_enabled("handle", level)) return;
  LogFields fields = fields_of(message);
  if (duration) fields.add(log_field::kDuration, *duration);
  fields.add(log_field::kResult, result);
  if (!message.last_error.empty() && result != "ack") fields.add(log_field::kError, message.last_error);
  logger_->write({level, "handle", "handled", fields.view()});
}

void HandleLog::forward_failed(Inbound const& message, Error const& error) const {
  bool const is_dead = message.forward_to == kToDeadLetters;
  write(LogLevel::kError,
        is_dead ? "the dead letter was not confirmed, it will be published again"
                : "the delayed retry was not confirmed, it will be published again",
        message, &error);
}

void HandleLog::store_failed(Inbound const& message, Error const& error) const {
  write(LogLevel::kError, "the idempotency store did not answer", message, &error);
}

void HandleLog::lease_had_ended(Inbound const& message) const {
  write(LogLevel::kWarn, "the handler outlived the lease of its idempotency key, its effect may have happened twice",
        message, nullptr);
}

void HandleLog::unsettled(Inbound const& message) const {
  write(LogLevel::kError, "a received message was destroyed without being settled, it counts as failed", message,
        nullptr);
}

void HandleLog::write(LogLevel level, std::string_view text, Inbound const& message, Error const* error) const {
  if (!logger_->is_enabled("handle", level)) return;
  LogFields fields = fields_of(message);
  if (error != nullptr) fields.add(*error);
  logger_->write({level, "handle", text, fields.view()});
}

void HandleLog::state_changed(std::string_view destination, std::string_view group, SubscriptionState state) const {
  LogFields fields;
  fields.add(log_field::kDestination, destination).add(log_field::kGroup, group).add("state", to_string(state));
  auto const level = state == SubscriptionState::kRunning ? LogLevel::kInfo : LogLevel::kWarn;
  log(*logger_, level, "subscription", "the state of the subscription has changed", fields.view());
}

void HandleLog::handler_overran(std::string_view destination, std::string_view group,
                                HandlerWatch::Overrun const& overrun) const {
  LogFields fields;
  fields.add(log_field::kDestination, destination)
      .add(log_field::kGroup, group)
      .add(log_field::kPartition, std::int64_t{overrun.partition})
      .add(log_field::kPosition, overrun.position)
      .add(log_field::kDuration, overrun.running_for);
  log(*logger_, LogLevel::kWarn, "handle", "a handler runs longer than the subscription's `timeout`", fields.view());
}

void HandleLog::source_reported(std::string_view destination, std::string_view group, Error const& error) const {
  LogFields fields;
  fields.add(log_field::kDestination, destination).add(log_field::kGroup, group).add(error);
  log(*logger_, LogLevel::kError, "subscription", "the broker reported a problem", fields.view());
}

}  // namespace fairlead
