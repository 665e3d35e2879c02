#pragma once

#include <fairlead/codec.hpp>
#include <fairlead/completion.hpp>
#include <fairlead/export.hpp>
#include <fairlead/message.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace fairlead {

/// How a publish ended.
enum class PublishStatus {
  kConfirmed,     ///< the broker has it
  kNotPersisted,  ///< the broker does not have it and never will
  kUnknown,       ///< it may have been persisted: the confirmation did not come
  kUnroutable,    ///< the broker answered that it has no place for it
};
[[nodiscard]] FAIRLEAD_EXPORT PublishStatus publish_status(Result<Receipt> const& result) noexcept;
[[nodiscard]] FAIRLEAD_EXPORT std::string_view to_string(PublishStatus status) noexcept;

class PublisherCore;  // src/publish/publisher_core.hpp

/// Publishes to one destination. Every publish ends exactly once, within its deadline, in one of the four results of
/// `PublishStatus`. Payloads are copied once, into the client library's own buffer, before the call returns.
///
/// Copyable: copies share one publisher. Thread-safe. Order is kept per key for calls of one thread.
/// After the broker was closed every call answers `kClosed`.
class FAIRLEAD_EXPORT Publisher {
 public:
  explicit Publisher(std::shared_ptr<PublisherCore> core) noexcept;

  /// Publishes and waits for the broker's confirmation, at most until the deadline.
  /// From inside a completion it answers `kInvalidArgument` instead of waiting for itself.
  [[nodiscard]] Result<Receipt> publish(std::string_view payload, PublishOptions const& options = {});
  [[nodiscard]] Result<Receipt> publish(Message const& message);

  /// Publishes and returns; `done` is called exactly once, on the broker's completion thread, or on the calling thread
  /// when the message is refused at once. It may publish again, but must not wait. Blocks only while the publish
  /// window is full, at most until the deadline (from inside a completion: never, it is refused with `kWouldBlock`).
  void publish_async(std::string_view payload, PublishOptions const& options, Completion done);
  void publish_async(Message const& message, Completion done);

  /// Publishes all through the pipelined path and waits for all; the results are in the order of the messages.
  [[nodiscard]] std::vector<Result<Receipt>> publish_batch(std::span<Message const> messages);

  /// Waits until every publish of the broker that began before has ended; `kTimeout` when that takes longer.
  [[nodiscard]] Result<void> flush(std::chrono::milliseconds timeout);

 private:
  std::shared_ptr<PublisherCore> core_;
};

/// A publisher of values: validates (`validate(T)`, found by ADL), encodes with `Codec<T>` and stamps its content type.
/// Otherwise as `Publisher`.
template <Encodable T>
class TypedPublisher {
 public:
  explicit TypedPublisher(Publisher publisher) noexcept : publisher_(std::move(publisher)) {}

  [[nodiscard]] Result<Receipt> publish(T const& value, PublishOptions options = {}) {
    auto payload = encode(value);
    if (!payload) return std::move(payload).error();
    stamp(options);
    return publisher_.publish(*payload, options);
  }
  void publish_async(T const& value, PublishOptions options, Completion done) {
    auto payload = encode(value);
    if (!payload) return done(Result<Receipt>(std::move(payload).error()));
    stamp(options);
    publisher_.publish_async(*payload, options, std::move(done));
  }
  [[nodiscard]] Result<void> flush(std::chrono::milliseconds timeout) { return publisher_.flush(timeout); }

 private:
  static Result<std::string> encode(T const& value) {
    if (auto valid = check_value(value); !valid) return std::move(valid).error();
    std::string payload;
    if (auto encoded = Codec<T>::encode(value, payload); !encoded) return std::move(encoded).error();
    return payload;
  }
  static void stamp(PublishOptions& options) {
    if (options.content_type.empty()) options.content_type = Codec<T>::content_type;
  }
  Publisher publisher_;
};

}  // namespace fairlead
