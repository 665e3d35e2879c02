#include "consume/consumption.hpp"

// The part of Consumption for those that take one message at a time and settle it on whatever thread: receivers and
// batch workers.
namespace fairlead {

Consumption::Pulled Consumption::pull(Clock::time_point deadline, bool holds_others) {
  Lock lock(mutex_);
  for (;;) {
    if (is_ending_) return {};
    if (holds_others && admission_.is_paused()) return {};
    auto const now = Clock::now();
    if (backlog_.ready() > 0) {
      auto const grant = admission_.ask(1, now);
      if (grant.messages > 0) {
        Pulled const pulled{backlog_.take_one(), grant.permits};
        if (is_help_wanted()) work_.notify_one();
        return pulled;
      }
      wake_timer_by(admission_.next(now));
    }
    if (now >= deadline || (holds_others && is_intake_stopped_)) return {};
    ++idle_workers_;
    work_.wait_until(lock, deadline);
    --idle_workers_;
  }
}

void Consumption::settle_pulled(Pulled pulled, Conclusion conclusion) {
  Effects effects;
  Lock lock(mutex_);
  if (book(*pulled.message, conclusion, pulled.permits, Clock::now(), effects)) wake_timer_for_parked();
  note_state(effects);
  if (quiet_waiters_ > 0) quiet_.notify_all();
  if (is_help_wanted()) work_.notify_one();
  apply_unlocked(lock, effects);
}

void Consumption::lend(WorkerSlot& slot, Admission::Permits permits) {
  std::lock_guard const lock(mutex_);
  slot.permits = permits;
}

void Consumption::count_unsettled() {
  std::lock_guard const lock(mutex_);
  ++done_.unsettled;
}

bool Consumption::is_paused() const {
  std::lock_guard const lock(mutex_);
  return admission_.is_paused();
}

bool Consumption::is_ended() const {
  std::lock_guard const lock(mutex_);
  return is_ending_;
}

}  // namespace fairlead
