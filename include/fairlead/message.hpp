#pragma once

#include <fairlead/export.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

struct Header {
  std::string name;
  std::string value;  ///< any bytes
  friend bool operator==(Header const&, Header const&) = default;
};

/// Named byte strings that travel with a message. Names are unique and keep the order they were set in.
/// Limits (checked when published): 64 headers, names of 1 to 255 printable ASCII characters without spaces, values up
/// to 8 KiB. Thread-compatible.
class FAIRLEAD_EXPORT Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> headers);

  /// Adds the header, or replaces the value of the one with this name.
  void set(std::string_view name, std::string_view value);
  void erase(std::string_view name);
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return headers_.size(); }
  [[nodiscard]] bool empty() const noexcept { return headers_.empty(); }
  [[nodiscard]] auto begin() const noexcept { return headers_.begin(); }
  [[nodiscard]] auto end() const noexcept { return headers_.end(); }
  friend bool operator==(Headers const&, Headers const&) = default;

 private:
  std::vector<Header> headers_;
};

/// A header of a received message: views into the client library's buffer, valid as long as the `Delivery`.
struct HeaderView {
  std::string_view name;
  std::string_view value;
};

/// How one message is published. Views need to live only until the publish call returns.
struct PublishOptions {
  /// Messages with one key go to one partition and are handled in publish order. Empty: no key.
  std::string_view key{};
  /// Identifies the message. Empty: a new UUIDv7 (unless the destination sets `message_ids: false`).
  std::string_view id{};
  /// Names the business effect, such as order number and operation. Empty: the message id.
  std::string_view idempotency_key{};
  /// AMQP routing words in front of the partition number; other brokers carry it as a header.
  std::string_view routing_key{};
  /// Empty: what the codec stamps, or none for raw payloads.
  std::string_view content_type{};
  Headers headers{};
  /// The message is worthless after this time and is then dropped or dead-lettered instead of handled.
  std::optional<std::chrono::milliseconds> time_to_live{};
  /// 0 (lowest) to 9. Refused where `Capabilities::priority` is impossible.
  std::optional<std::uint8_t> priority{};
  /// The publish ends by then, whatever the broker does. Default: `publish.deadline` of the configuration (30 s). On
  /// Kafka that is also the most: a longer one ends about then, because librdkafka has one time-out for a topic.
  std::optional<std::chrono::milliseconds> deadline{};
  /// Wait for room in a full publish window until the deadline; `false` answers `kWouldBlock` at once.
  bool wait_for_room = true;
};

/// A message that owns its parts, for batches and for messages that are kept before they are published.
struct Message {
  std::string payload;
  std::string key{};
  Headers headers{};
  std::string id{};
  std::string idempotency_key{};
  std::string routing_key{};
  std::string content_type{};
  std::optional<std::chrono::milliseconds> time_to_live{};
  std::optional<std::uint8_t> priority{};

  /// The same attributes as views into this message.
  [[nodiscard]] FAIRLEAD_EXPORT PublishOptions options() const;
};

/// Proof that the broker has the message.
struct Receipt {
  /// Empty when the destination sets `message_ids: false` and the caller gave none.
  std::string id;
  std::int32_t partition = -1;  ///< -1 where unknown
  std::int64_t position = -1;   ///< Kafka offset, position in the memory log; -1 on AMQP
};

}  // namespace fairlead
