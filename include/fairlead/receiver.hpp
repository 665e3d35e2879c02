#pragma once

#include <fairlead/delivery.hpp>
#include <fairlead/export.hpp>
#include <fairlead/outcome.hpp>
#include <fairlead/result.hpp>
#include <fairlead/subscription.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace fairlead {

/// A message taken by a Receiver, to be settled once: `std::move(message).ack()`. Settling returns at once; the broker
/// is told of several together. One that is destroyed unsettled counts as failed: it is handled again, as another
/// attempt, and `SubscriptionStats::unsettled` counts the defect. Settling a moved-from one does nothing.
/// Single-owner: movable between threads. May outlive its Receiver; the broker then delivers the message again.
class FAIRLEAD_EXPORT ReceivedMessage {
 public:
  struct State;  // src/consume/receiver.cpp
  explicit ReceivedMessage(std::unique_ptr<State> state) noexcept;
  ReceivedMessage(ReceivedMessage&&) noexcept;
  ReceivedMessage& operator=(ReceivedMessage&&) noexcept;
  ~ReceivedMessage();

  /// Its parts; valid until it is settled. Not of a moved-from one.
  [[nodiscard]] Delivery const& operator*() const noexcept;
  [[nodiscard]] Delivery const* operator->() const noexcept { return &**this; }

  void ack() &&;
  void retry(std::string reason = {}) &&;
  void retry(std::chrono::milliseconds after, std::string reason = {}) &&;
  void reject(std::string reason) &&;
  /// Whatever a handler could answer.
  void settle(Outcome outcome) &&;

 private:
  std::unique_ptr<State> state_;
};

/// The pull-style twin of a Subscription: the application takes messages on its own threads instead of giving a
/// handler. Order, retries, dead letters, deduplication, bounds and settling are those of the subscription it is named
/// after: with `ordering: key` the next message of a key comes after the one before was settled. `timeout` and
/// `concurrency` do not apply.
/// Thread-safe, except that destroying it must be the last call.
class FAIRLEAD_EXPORT Receiver {
 public:
  explicit Receiver(Subscription subscription) noexcept;
  Receiver(Receiver&&) noexcept;
  Receiver& operator=(Receiver&&) noexcept;
  /// Stops as `Subscription` does; messages taken and not settled are delivered again.
  ~Receiver();

  /// The next message; nothing when none came within `timeout`. Blocks at most that long. `kClosed` when stopped.
  [[nodiscard]] Result<std::optional<ReceivedMessage>> receive(std::chrono::milliseconds timeout);

  /// For pause, seek, stop, stats and health.
  [[nodiscard]] Subscription& subscription() noexcept { return subscription_; }

 private:
  Subscription subscription_;
};

}  // namespace fairlead
