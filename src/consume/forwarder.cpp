#include "consume/forwarder.hpp"

#include "consume/envelope.hpp"
#include "publish/confirm_window.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace fairlead {

namespace {

std::size_t size_of(Outbound const& message) {
  std::size_t size = message.payload.size() + message.key.size();
  for (auto const& header : *message.headers) size += header.name.size() + header.value.size();
  return size;
}

}  // namespace

Result<void> Forwarder::publish(Inbound const& message, Completion done) const {
  auto const now = std::chrono::system_clock::now();
  Headers const headers = envelope_headers(message, now);
  Outbound out;
  out.payload = message.payload;
  out.key = message.key;
  out.headers = &headers;
  out.id = message.id;
  out.idempotency_key = message.idempotency_key;
  out.content_type = message.content_type;
  out.routing_key = message.routing_key;
  out.priority = message.priority;
  out.traceparent = message.trace.empty() ? message.traceparent : std::string_view(message.trace);
  out.timestamp_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();

  if (message.expires_at_ms > 0 && message.forward_to != kToDeadLetters) {
    // It goes on ageing while it waits; 1 ms is left of one that has expired meanwhile.
    out.time_to_live = std::chrono::milliseconds(std::max<std::int64_t>(1, message.expires_at_ms - out.timestamp_ms));
  }

  PublishAnswer answer{std::move(done), false, nullptr};
  auto slot = window_->acquire(size_of(out), std::chrono::steady_clock::now() + deadline_, false, answer);
  if (!slot) return std::move(slot).error();
  auto& sink = message.forward_to == kToDeadLetters ? *dead_letter_ : *tiers_[message.forward_to];
  auto taken = sink.publish(out, **slot);
  if (taken) return {};
  // Without its completion the publish was already answered, by its deadline: that answer counts.
  bool const is_answered = !window_->release(**slot).done;
  return is_answered ? Result<void>() : taken;
}

}  // namespace fairlead
