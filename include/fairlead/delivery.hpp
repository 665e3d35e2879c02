#pragma once

#include <fairlead/export.hpp>
#include <fairlead/message.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>

namespace fairlead {

struct Inbound;  // src/consume/inbound.hpp

/// One received message as its handler sees it. All views point into the client library's buffer: no copy was made,
/// and they are valid until the handler returns. Copy what must live longer.
/// Thread-compatible; owned by the subscription, used by the one worker that runs the handler.
class FAIRLEAD_EXPORT Delivery {
 public:
  explicit Delivery(Inbound const& message) noexcept : message_(&message) {}
  Delivery(Delivery const&) = delete;
  Delivery& operator=(Delivery const&) = delete;

  [[nodiscard]] std::string_view payload() const noexcept;
  /// Empty when the message has none.
  [[nodiscard]] std::string_view key() const noexcept;
  [[nodiscard]] std::span<HeaderView const> headers() const noexcept;
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept;
  /// The publisher's message id; empty when it sent none.
  [[nodiscard]] std::string_view id() const noexcept;
  /// Names the business effect: the publisher's idempotency key, else the message id.
  [[nodiscard]] std::string_view idempotency_key() const noexcept;
  [[nodiscard]] std::string_view content_type() const noexcept;
  [[nodiscard]] std::string_view routing_key() const noexcept;
  /// W3C `traceparent` of this handling: the publisher's trace, or a new one.
  [[nodiscard]] std::string_view traceparent() const noexcept;

  [[nodiscard]] std::string_view destination() const noexcept;
  [[nodiscard]] std::string_view group() const noexcept;
  [[nodiscard]] std::int32_t partition() const noexcept;
  /// Kafka offset, position in the memory log, AMQP delivery tag.
  [[nodiscard]] std::int64_t position() const noexcept;
  /// When it was published (broker or publisher clock); the epoch when unknown.
  [[nodiscard]] std::chrono::system_clock::time_point timestamp() const noexcept;
  /// 1 for the first handling; grows with each retry.
  [[nodiscard]] std::uint32_t attempt() const noexcept;
  /// The broker says it may have been delivered before.
  [[nodiscard]] bool redelivered() const noexcept;

  /// When the handler's `timeout` is over; what it decides after that does not count as success. For received messages
  /// (`Receiver`), which have no handler, the far future.
  [[nodiscard]] std::chrono::steady_clock::time_point deadline() const noexcept;
  /// Asks the handler to stop: its timeout is over, or the subscription has run out of time to drain. Callbacks
  /// registered on it run on a thread of the subscription and must not block.
  [[nodiscard]] std::stop_token stop_token() const noexcept;

 private:
  Inbound const* message_;
};

}  // namespace fairlead
