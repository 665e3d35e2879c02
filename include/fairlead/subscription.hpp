#pragma once

#include <fairlead/codec.hpp>
#include <fairlead/delivery.hpp>
#include <fairlead/export.hpp>
#include <fairlead/outcome.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace fairlead {

/// Handles one message. Runs on a worker thread of the subscription, up to `concurrency` at a time, never on an I/O
/// thread, so it may block and may publish. An exception counts as `retry()`.
using Handler = std::function<Outcome(Delivery const&)>;

/// What a subscription has done so far. Counts only grow.
struct SubscriptionStats {
  std::uint64_t received = 0;       ///< taken in from the broker
  std::uint64_t handled = 0;        ///< handler answered `ack`
  std::uint64_t retried = 0;        ///< handled again in place
  std::uint64_t dead_lettered = 0;  ///< confirmed in the dead letter
  std::uint64_t dropped = 0;        ///< given up with `dead_letter: false`, or expired
  std::uint64_t redelivered = 0;    ///< taken in with the broker's redelivered mark
  std::uint64_t stale = 0;          ///< settled too late: the partition or connection was gone, the broker redelivers
  std::uint64_t overrun = 0;        ///< handlers that ran longer than `timeout`
  std::uint64_t in_flight = 0;      ///< now: taken in and not settled
  std::uint64_t partitions = 0;     ///< now: partitions (RabbitMQ: queues) that this member reads; 0 until it has joined
};

class SubscriptionCore;  // src/consume/subscription_core.hpp

/// A running subscription. Destroying it stops intake, waits for the running handlers (at most `close_timeout` of the
/// configuration) and settles what they finished; messages not begun go back to the broker.
/// Single-owner: movable; `stats` and `stop` may be called from any thread, `stop` from a handler is refused.
class FAIRLEAD_EXPORT Subscription {
 public:
  explicit Subscription(std::shared_ptr<SubscriptionCore> core) noexcept;
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();

  /// Stops intake at once, lets running handlers finish, settles, and leaves the group. Blocks at most `deadline`;
  /// `kTimeout` then means that handlers still run: their messages will be redelivered.
  [[nodiscard]] Result<void> stop(std::chrono::milliseconds deadline);

  [[nodiscard]] SubscriptionStats stats() const noexcept;

 private:
  std::shared_ptr<SubscriptionCore> core_;
};

/// Wraps a handler of values into a handler of deliveries: checks the content type, decodes, validates. A message that
/// does not decode is not retried: it becomes a dead letter with the reason.
template <Encodable T, class F>
Handler typed_handler(F handler) {
  return [handler = std::move(handler)](Delivery const& delivery) mutable -> Outcome {
    auto const type = delivery.content_type();
    if (!type.empty() && type.substr(0, type.find(';')) != Codec<T>::content_type) {
      return reject("content type is '" + std::string(type) + "', expected '" + std::string(Codec<T>::content_type) +
                    "'");
    }
    auto value = Codec<T>::decode(delivery.payload());
    if (!value) return reject(value.error().message);
    if (auto valid = check_value(*value); !valid) return reject(valid.error().message);
    if constexpr (std::is_void_v<std::invoke_result_t<F&, T const&, Delivery const&>>) {
      handler(*value, delivery);
      return ack();
    } else {
      return handler(*value, delivery);
    }
  };
}

}  // namespace fairlead
