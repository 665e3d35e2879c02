#pragma once

#include "consume/admission.hpp"
#include "consume/backlog.hpp"
#include "consume/conclusion.hpp"
#include "consume/forwarder.hpp"
#include "consume/handle_log.hpp"
#include "consume/intake_door.hpp"
#include "consume/message_pool.hpp"
#include "consume/source.hpp"
#include "consume/subscription_core.hpp"
#include "consume/worker_slot.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>

namespace fairlead {

/// Where the source, the workers and the timer of one subscription meet: the Backlog under its one lock. Source and
/// handler are never called with the lock held, and buffers are released without it.
/// Shared by the threads and by messages on their way elsewhere, so that whoever ends last finds it whole.
class Consumption : public std::enable_shared_from_this<Consumption> {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Consumption(SubscriptionSetup setup, KeyTable::Hash hash = KeyedDispatcher::hash_key);

  [[nodiscard]] SubscriptionSetup const& setup() const noexcept { return setup_; }
  [[nodiscard]] HandleLog const& log() const noexcept { return log_; }
  [[nodiscard]] Forwarder const& forwarder() const noexcept { return forwarder_; }
  [[nodiscard]] Intake& intake() noexcept { return door_; }
  [[nodiscard]] SubscriptionStats stats() const;
  [[nodiscard]] SubscriptionHealth health() const;

  // --- the source's thread, through the IntakeDoor ---
  [[nodiscard]] Intake::Room room() noexcept;
  [[nodiscard]] InboundList free_nodes();
  void deliver(InboundList batch);
  void open_lane(Lane lane);
  void lose_lane(Lane lane);
  void revoke_lane(Lane lane, Clock::time_point deadline);
  void report(Error const& error);
  void recovered();

  // --- workers --- (consumption_workers.cpp, as the timer)
  [[nodiscard]] WorkerSlot& add_worker();
  /// Takes over what the worker's last batch came to and fills its next one; waits for messages. False: the end.
  [[nodiscard]] bool exchange(WorkerSlot& slot);
  /// The handler that just ended had been reported for taking too long; the next one gets a stop source of its own.
  void renew_stop(WorkerSlot& slot);
  /// The publish of a message that failed has ended, on whatever thread.
  void forward_ended(Inbound& message, Result<Receipt> const& result);
  void store_failed(Inbound const& message, Error const& error);
  /// To a probe: nobody has to wait for its handler.
  void store_answered();

  // --- whoever handles messages one by one, any thread --- (consumption_pulled.cpp)
  struct Pulled {
    Inbound* message = nullptr;  // null: none came in time, or the end
    Admission::Permits permits{};
  };
  /// Waits for a message until the deadline; it then runs until `settle_pulled`. `holds_others`: the caller has pulled
  /// messages that wait for this one, which a pause or the end of intake should not let them do.
  [[nodiscard]] Pulled pull(Clock::time_point deadline, bool holds_others = false);
  void settle_pulled(Pulled pulled, Conclusion conclusion);
  /// A batch handler is about to run in that slot with these permits; the timer gives up a probe that takes too long.
  void lend(WorkerSlot& slot, Admission::Permits permits);
  void count_unsettled();
  [[nodiscard]] bool is_paused() const;
  [[nodiscard]] bool is_ended() const;

  // --- the timer's thread ---
  /// Brings back parked messages and watches for handlers that take too long, until `end`.
  void run_timer();

  // --- control, any thread ---
  void attach(std::unique_ptr<Source> source);
  void stop_intake() noexcept;
  void pause();
  void resume();
  [[nodiscard]] Result<void> seek(SeekTarget const& target, Clock::time_point deadline);
  /// Drops what can be dropped without repeating anything handled, waits for the rest, settles. False at the deadline.
  [[nodiscard]] bool drain(Clock::time_point deadline);
  /// Gives up what still runs and lets the threads leave.
  void end();
  [[nodiscard]] Result<void> close_source(Clock::time_point deadline);
  /// When no thread of the subscription is left.
  void release_source();

 private:
  using Lock = std::unique_lock<std::mutex>;

  [[nodiscard]] bool fill(WorkerSlot& slot, Clock::time_point now);
  /// Books what the worker has done so far.
  void collect(WorkerSlot& slot, Clock::time_point now, Effects& effects);
  /// The same, and what the worker has not begun is ready for others.
  void relieve(WorkerSlot& slot, Clock::time_point now, Effects& effects);
  void relieve_slow_workers(WorkerSlot& taker, Clock::time_point now);
  void relieve_all(Effects& effects);
  [[nodiscard]] bool is_help_wanted() const noexcept;
  /// One conclusion. True: the message waits for its time, see wake_timer_for_parked.
  bool book(Inbound& message, Conclusion conclusion, Admission::Permits permits, Clock::time_point now,
            Effects& effects);
  /// Unless what it answered was asked before it went away.
  void store_is_back() noexcept;
  void wake_timer_for_parked();
  void wake_timer_by(std::optional<Clock::time_point> time);
  /// After whatever may have changed the admission's state or emptied the backlog.
  void note_state(Effects& effects);
  void watch_handlers(Lock& lock, Clock::time_point now, Effects& effects);
  void log_state(Lock& lock);
  /// Outside the lock.
  void apply(Effects& effects, InboundList& cleared) noexcept;
  /// Releases the lock to apply the effects, and takes it again.
  void apply_unlocked(Lock& lock, Effects& effects);

  SubscriptionSetup const setup_;
  HandleLog const log_;
  Forwarder const forwarder_;
  IntakeDoor door_;

  mutable std::mutex mutex_;
  std::condition_variable work_;   // something is ready, or the end has come
  std::condition_variable quiet_;  // something that ran has ended
  std::condition_variable timer_;
  Backlog backlog_;
  Admission admission_;
  MessagePool pool_;
  std::deque<WorkerSlot> slots_;
  SubscriptionStats done_;  // what the workers have counted
  std::mt19937_64 random_;
  std::size_t idle_workers_ = 0;
  std::size_t shared_batches_ = 0;
  std::size_t quiet_waiters_ = 0;
  std::size_t applying_ = 0;  // threads that call the source without the lock, workers aside
  Clock::time_point timer_wakes_;
  SubscriptionState state_ = SubscriptionState::kRunning;         // as the admission last said
  SubscriptionState logged_state_ = SubscriptionState::kRunning;  // the timer's thread alone
  std::optional<Error> source_problem_;                           // until messages come
  std::optional<Error> store_problem_;                            // until the store answers
  bool is_intake_held_ = false;  // the source was answered that there is no room, because of the admission's state
  bool is_intake_stopped_ = false;
  bool is_ending_ = false;

  std::unique_ptr<Source> source_;  // set before the workers start; goes first, as its thread may still use the door
};

}  // namespace fairlead
