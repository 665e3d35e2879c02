#pragma once

#include <fairlead/codec.hpp>
#include <fairlead/delivery.hpp>
#include <fairlead/export.hpp>
#include <fairlead/health.hpp>
#include <fairlead/outcome.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace fairlead {

/// Handles one message. Runs on a worker thread of the subscription, up to `concurrency` at a time, never on an I/O
/// thread, so it may block and may publish. An exception counts as `retry()`.
using Handler = std::function<Outcome(Delivery const&)>;

/// The messages of one call of a batch handler. Valid until it returns, as a Delivery. Thread-compatible.
class DeliveryBatch {
 public:
  explicit DeliveryBatch(std::span<Inbound const* const> messages) noexcept : messages_(messages) {}

  class Iterator {
   public:
    explicit Iterator(Inbound const* const* at) noexcept : at_(at) {}
    [[nodiscard]] Delivery operator*() const noexcept { return Delivery(**at_); }
    Iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    friend bool operator==(Iterator, Iterator) = default;

   private:
    Inbound const* const* at_;
  };
  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
  [[nodiscard]] Delivery operator[](std::size_t index) const noexcept { return Delivery(*messages_[index]); }
  [[nodiscard]] Iterator begin() const noexcept { return Iterator(messages_.data()); }
  [[nodiscard]] Iterator end() const noexcept { return Iterator(messages_.data() + messages_.size()); }

 private:
  std::span<Inbound const* const> messages_;
};

/// Handles up to `batch.messages` messages at once and answers with one outcome for each, in their order; more or fewer
/// outcomes, or an exception, count as `retry()` for all of them. With `ordering: key` or `partition` a batch holds at
/// most one message of a key or partition. Otherwise as `Handler`; `timeout` bounds the whole batch.
using BatchHandler = std::function<std::vector<Outcome>(DeliveryBatch const& batch)>;

/// What a subscription has done so far. Counts only grow.
struct SubscriptionStats {
  std::uint64_t received = 0;       ///< taken in from the broker
  std::uint64_t handled = 0;        ///< handler answered `ack`
  std::uint64_t retried = 0;        ///< handled again in place
  std::uint64_t delayed = 0;        ///< confirmed in a tier of delayed retries
  std::uint64_t dead_lettered = 0;  ///< confirmed in the dead letter
  std::uint64_t duplicates = 0;     ///< settled without their handler: the effect had happened already
  std::uint64_t dropped = 0;        ///< given up with `dead_letter: false`, or expired
  std::uint64_t redelivered = 0;    ///< taken in with the broker's redelivered mark
  std::uint64_t stale = 0;          ///< settled too late: the partition or connection was gone, the broker redelivers
  std::uint64_t overrun = 0;        ///< handlers that ran longer than `timeout`
  std::uint64_t unsettled = 0;      ///< received messages destroyed without being settled: a defect of the application
  std::uint64_t in_flight = 0;      ///< now: taken in and not settled
  std::uint64_t partitions = 0;     ///< now: partitions (RabbitMQ: queues) that this member reads; 0 until it joined
};

/// Where a subscription is to go on reading.
struct SeekTarget {
  enum class Kind { kEarliest, kLatest, kTime, kPosition };

  Kind kind = Kind::kLatest;
  std::chrono::system_clock::time_point time{};  ///< of kTime
  std::int32_t partition = -1;                   ///< of kPosition
  std::int64_t position = -1;                    ///< of kPosition

  /// The oldest message that is kept.
  [[nodiscard]] static SeekTarget to_earliest() { return {.kind = Kind::kEarliest}; }
  /// Behind the newest message.
  [[nodiscard]] static SeekTarget to_latest() { return {.kind = Kind::kLatest}; }
  /// In each partition the first message published at `time` or later, to the millisecond; behind the newest where
  /// there is none.
  [[nodiscard]] static SeekTarget to_time(std::chrono::system_clock::time_point time) {
    return {.kind = Kind::kTime, .time = time};
  }
  /// One message of one partition, as its Delivery or Receipt named it; the other partitions go on where they are.
  [[nodiscard]] static SeekTarget to_position(std::int32_t partition, std::int64_t position) {
    return {.kind = Kind::kPosition, .partition = partition, .position = position};
  }
};

class SubscriptionCore;  // src/consume/subscription_core.hpp

/// A running subscription. Destroying it stops intake, waits for the running handlers (at most `close_timeout` of the
/// configuration) and settles what they finished; messages not begun go back to the broker.
/// Single-owner: movable; its methods may be called from any thread, but `stop` and `seek` not from a handler.
class FAIRLEAD_EXPORT Subscription {
 public:
  explicit Subscription(std::shared_ptr<SubscriptionCore> core) noexcept;
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();

  /// Stops intake at once, lets running handlers finish, settles, and leaves the group. Blocks at most `deadline`;
  /// `kTimeout` then means that handlers still run: their messages will be redelivered.
  [[nodiscard]] Result<void> stop(std::chrono::milliseconds deadline);

  /// Begins no more messages until `resume`; running handlers go on. Membership and connection stay as they are. What
  /// was taken in waits, within `max_in_flight`. Returns at once.
  void pause() noexcept;
  void resume() noexcept;

  /// Goes on from there in the partitions that this member holds now; what is in flight in them is given up. The
  /// group's position follows: members that come later go on from there as well. Blocks at most `deadline`.
  /// Errors: `kUnsupported` (RabbitMQ's queues forget what was acknowledged), `kInvalidArgument` (no such partition or
  /// position), `kPreconditionFailed` (this member does not hold the partition now), `kTimeout`, `kClosed`.
  [[nodiscard]] Result<void> seek(SeekTarget const& target, std::chrono::milliseconds deadline);

  [[nodiscard]] SubscriptionStats stats() const noexcept;
  [[nodiscard]] SubscriptionHealth health() const noexcept;

  /// The library's own side; nothing for applications.
  [[nodiscard]] std::shared_ptr<SubscriptionCore> const& core() const noexcept { return core_; }

 private:
  std::shared_ptr<SubscriptionCore> core_;
};

/// The same bytes will not decode better next time.
inline Error give_up(Error error) {
  error.retryable = false;
  return error;
}

/// Wraps a handler of values into a handler of deliveries: checks the content type, decodes, validates. A message
/// that does not decode is not retried: it becomes a dead letter with the reason.
template <Encodable T, class F>
Handler typed_handler(F handler) {
  return [handler = std::move(handler)](Delivery const& delivery) mutable -> Outcome {
    auto const type = delivery.content_type();
    if (!type.empty() && type.substr(0, type.find(';')) != Codec<T>::content_type) {
      return fail({Errc::kSerialization, "content type is '" + std::string(type) + "', expected '" +
                                             std::string(Codec<T>::content_type) + "'"});
    }
    auto value = Codec<T>::decode(delivery.payload());
    if (!value) return fail(give_up(std::move(value).error()));
    if (auto valid = check_value(*value); !valid) return fail(give_up(std::move(valid).error()));
    if constexpr (std::is_void_v<std::invoke_result_t<F&, T const&, Delivery const&>>) {
      handler(*value, delivery);
      return ack();
    } else {
      return handler(*value, delivery);
    }
  };
}

}  // namespace fairlead
