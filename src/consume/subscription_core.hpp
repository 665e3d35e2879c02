#pragma once

#include "consume/intake.hpp"
#include "consume/source.hpp"
#include "core/process_mark.hpp"

#include <fairlead/config.hpp>
#include <fairlead/result.hpp>
#include <fairlead/subscription.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace fairlead {

class ConfirmWindow;
class Consumption;
class Deduplicator;
class Logger;
class Sink;

/// What a broker starts a subscription with.
struct SubscriptionSetup {
  SourceSpec spec;
  Handler handler{};  ///< one of the two; with none of them a Receiver takes the messages
  BatchHandler batch_handler{};
  std::shared_ptr<Logger> logger{};
  std::shared_ptr<Sink> dead_letter{};           ///< null: messages given up on are dropped and logged
  std::vector<std::shared_ptr<Sink>> retries{};  ///< of the spec's retries
  std::shared_ptr<ConfirmWindow> window{};       ///< where forwarded messages wait; may be null without any
  std::shared_ptr<Deduplicator> deduplicator{};  ///< null: without
  PublishConfig publish{};
  bool trace = true;  ///< continue or create a traceparent for each handling
  std::chrono::milliseconds close_timeout{10'000};
  std::uint64_t seed = 0;  ///< of the retry jitter
};

/// One running subscription: binds a Source to the handler through intake, dispatcher and workers. The broker keeps a
/// share of it to drain and stop it; the user's Subscription holds the other.
/// Thread-safe. Workers start with `attach`; what the source delivers before that waits.
class SubscriptionCore {
 public:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] static std::shared_ptr<SubscriptionCore> make(SubscriptionSetup setup);
  /// Stops within `close_timeout` unless that was done. A handler stuck even then keeps its thread, and nothing else.
  ~SubscriptionCore();
  SubscriptionCore(SubscriptionCore const&) = delete;
  SubscriptionCore& operator=(SubscriptionCore const&) = delete;

  /// What the source is opened with, before `attach`.
  [[nodiscard]] Intake& intake() noexcept;
  /// Once, with the source that was opened on `intake()`. Starts the threads; fails when the system refuses one.
  [[nodiscard]] Result<void> attach(std::unique_ptr<Source> source);

  /// Takes in nothing more, at once; what was taken in goes on.
  void stop_intake() noexcept;
  /// Stops intake and drops what no handler has begun (the broker keeps it), except what lies before messages handled
  /// already: that is handled too, or those would be handled again. Waits for all of it and for the dead letters,
  /// settles. kTimeout when some still run at the deadline; kInvalidArgument from a handler of this subscription.
  [[nodiscard]] Result<void> drain(Clock::time_point deadline);
  /// `drain`, then ends the workers and closes the source. Never blocks past the deadline. May be called again: it then
  /// waits for what still runs.
  [[nodiscard]] Result<void> stop(Clock::time_point deadline);

  void pause() noexcept;
  void resume() noexcept;
  [[nodiscard]] Result<void> seek(SeekTarget const& target, Clock::time_point deadline);
  /// For a Receiver, which takes its messages there.
  [[nodiscard]] std::shared_ptr<Consumption> const& consumption() const noexcept;

  [[nodiscard]] SubscriptionStats stats() const;
  [[nodiscard]] SubscriptionHealth health() const;
  /// The caller is a handler of this subscription.
  [[nodiscard]] bool runs_on_this_thread() const noexcept;
  [[nodiscard]] std::chrono::milliseconds close_timeout() const noexcept;
  /// This is the copy of a forked child, which must not touch it.
  [[nodiscard]] bool is_foreign() const noexcept { return process_.is_foreign(); }

 private:
  explicit SubscriptionCore(SubscriptionSetup setup);
  struct State;
  std::unique_ptr<State> state_;
  ProcessMark const process_;
};

}  // namespace fairlead
