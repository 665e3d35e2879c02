#include "consume/dead_letter.hpp"

#include "publish/confirm_window.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

namespace fairlead {

namespace {

// An error text can be as long as what the handler threw; the envelope must not make the message too large to publish.
constexpr std::size_t kLongestError = 1024;

std::string rfc3339(std::chrono::system_clock::time_point time) {
  auto const since_epoch = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  auto const seconds = static_cast<std::time_t>(since_epoch.count() / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 96> text{};
  auto const length =
      std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                    utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, static_cast<int>(since_epoch.count() % 1000));
  return {text.data(), static_cast<std::size_t>(std::max(length, 0))};
}

/// Not cut within a UTF-8 character.
std::string_view shortened(std::string_view error) {
  if (error.size() <= kLongestError) return error;
  std::size_t end = kLongestError;
  while (end > 0 && (static_cast<unsigned char>(error[end]) & 0xC0U) == 0x80U) --end;
  return error.substr(0, end);
}

std::size_t size_of(Outbound const& message) {
  std::size_t size = message.payload.size() + message.key.size();
  for (auto const& header : *message.headers) size += header.name.size() + header.value.size();
  return size;
}

}  // namespace

Headers dead_letter_headers(Inbound const& message, std::chrono::system_clock::time_point failed_at) {
  Headers headers;
  for (auto const& header : message.headers) headers.set(header.name, header.value);
  headers.set("fairlead-original-destination", message.destination);
  headers.set("fairlead-original-partition", std::to_string(message.partition));
  headers.set("fairlead-original-position", std::to_string(message.position));
  headers.set("fairlead-group", message.group);
  headers.set("fairlead-attempts", std::to_string(message.attempt));
  headers.set("fairlead-error", shortened(message.last_error));
  headers.set("fairlead-failed-at", rfc3339(failed_at));
  return headers;
}

Result<void> DeadLetterPublisher::publish(Inbound const& message, Completion done) const {
  auto const now = std::chrono::system_clock::now();
  Headers const headers = dead_letter_headers(message, now);
  Outbound out;
  out.payload = message.payload;
  out.key = message.key;
  out.headers = &headers;
  out.id = message.id;
  out.idempotency_key = message.idempotency_key;
  out.content_type = message.content_type;
  out.routing_key = message.routing_key;
  out.traceparent = message.trace.empty() ? message.traceparent : std::string_view(message.trace);
  out.timestamp_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();

  PublishAnswer answer{std::move(done), false, nullptr};
  auto slot = window_->acquire(size_of(out), std::chrono::steady_clock::now() + deadline_, false, answer);
  if (!slot) return std::move(slot).error();
  auto taken = sink_->publish(out, **slot);
  if (taken) return {};
  // Without its completion the publish was already answered, by its deadline: that answer counts.
  bool const is_answered = !window_->release(**slot).done;
  return is_answered ? Result<void>() : taken;
}

}  // namespace fairlead
