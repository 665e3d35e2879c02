#include "consume/consumption.hpp"

#include "consume/handler_scope.hpp"
#include "resilience/backoff.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {

namespace {

using namespace std::chrono_literals;

// A worker whose handlers take longer than this takes one message at a time: its batch would keep them from others.
constexpr auto kSlowHandler = 50us;
// A batch that was fast until now and then stuck is taken apart by the others after this time.
constexpr auto kPatience = 1ms;

}  // namespace

WorkerSlot& Consumption::add_worker() {
  std::lock_guard const lock(mutex_);
  return slots_.emplace_back();
}

bool Consumption::exchange(WorkerSlot& slot) {
  auto now = Clock::now();
  auto const spent = now - slot.batch.taken_at();
  Lock lock(mutex_);
  pool_.put(slot.cleared);
  if (slot.batch.size() > 0) {
    bool const is_slow = spent > kSlowHandler * slot.batch.size();
    slot.longest_batch = is_slow ? 1 : std::min(slot.longest_batch * 2, ClaimedBatch::kCapacity);
  }
  collect(slot, now, slot.effects);
  slot.batch.restart(now);
  if (std::exchange(slot.is_shared, false)) --shared_batches_;
  while (!fill(slot, now)) {
    if (!slot.effects.empty()) {
      apply_unlocked(lock, slot.effects);
    } else if (is_ending_) {
      return false;
    } else {
      ++idle_workers_;
      work_.wait(lock);
      --idle_workers_;
    }
    now = Clock::now();
  }
  // Exact for a message of its own; those of a batch are so quick that it makes no difference.
  slot.context.deadline = now + setup_.spec.config.timeout;
  bool const wake = is_help_wanted();
  lock.unlock();
  if (wake) work_.notify_one();
  apply(slot.effects, slot.cleared);
  return true;
}

void Consumption::collect(WorkerSlot& slot, Clock::time_point now, Effects& effects) {
  bool has_parked = false;
  slot.batch.collect([&](Inbound& message, Conclusion conclusion) {
    has_parked |= book(message, conclusion, slot.permits, now, effects);
  });
  if (has_parked) wake_timer_for_parked();
  note_state(effects);
  if (quiet_waiters_ > 0) quiet_.notify_all();
}

bool Consumption::book(Inbound& message, Conclusion conclusion, Admission::Permits permits, Clock::time_point now,
                       Effects& effects) {
  admission_.conclude(conclusion, permits, now);
  if (conclusion.store == Verdict::kSuccess) store_is_back();
  switch (conclusion.fate) {
    case Fate::kHandled: ++done_.handled; break;
    case Fate::kDuplicate: ++done_.duplicates; break;
    case Fate::kDropped: ++done_.dropped; break;
    case Fate::kForeign: break;
    case Fate::kRetry:
      if (backlog_.park(message, message.due, effects)) ++done_.retried;
      return true;
    case Fate::kLater: (void)backlog_.park(message, message.due, effects); return true;
    case Fate::kElsewhere: return false;
  }
  backlog_.finish(message, effects);
  return false;
}

void Consumption::note_state(Effects& effects) {
  // A breaker that is open with nothing left to probe it would stay open: the source may then deliver one message.
  bool const is_room_wanted =
      is_intake_held_ && (!admission_.holds_intake() || (admission_.needs_probe() && backlog_.in_flight() == 0));
  if (is_room_wanted && !is_intake_stopped_) {
    is_intake_held_ = false;
    effects.room = true;
  }
  auto const before = std::exchange(state_, admission_.state());
  if (state_ == before) return;
  timer_.notify_one();  // which logs it
  if (state_ == SubscriptionState::kRunning) work_.notify_all();
}

bool Consumption::fill(WorkerSlot& slot, Clock::time_point now) {
  if (shared_batches_ > 0) relieve_slow_workers(slot, now);
  auto const ready = backlog_.ready();
  if (ready == 0) return false;
  auto const grant = admission_.ask(std::clamp<std::size_t>(ready / slots_.size(), 1, slot.longest_batch), now);
  if (grant.messages == 0) {
    wake_timer_by(admission_.next(now));
    return false;
  }
  slot.batch.restart(now);
  slot.permits = grant.permits;
  backlog_.take(grant.messages, slot.batch);
  slot.is_shared = slot.batch.size() > 1;
  if (slot.is_shared) ++shared_batches_;
  return true;
}

void Consumption::relieve(WorkerSlot& slot, Clock::time_point now, Effects& effects) {
  admission_.give_back(backlog_.give_back(slot.batch), slot.permits);
  collect(slot, now, effects);
  if (std::exchange(slot.is_shared, false)) --shared_batches_;
}

void Consumption::relieve_slow_workers(WorkerSlot& taker, Clock::time_point now) {
  for (auto& slot : slots_) {
    if (&slot == &taker || !slot.is_shared) continue;
    if (backlog_.ready() == 0 || now - slot.batch.taken_at() > kPatience) relieve(slot, now, taker.effects);
  }
}

void Consumption::relieve_all(Effects& effects) {
  auto const now = Clock::now();
  for (auto& slot : slots_) relieve(slot, now, effects);
  if (is_help_wanted()) work_.notify_one();
}

bool Consumption::is_help_wanted() const noexcept {
  // A shared batch calls every idle worker in turn: the last one looks whether it has to be relieved.
  return idle_workers_ > 0 && (backlog_.ready() > 0 || shared_batches_ > 0);
}

void Consumption::renew_stop(WorkerSlot& slot) {
  std::stop_source fresh;
  std::lock_guard const lock(mutex_);
  slot.context.stop = std::move(fresh);
}

void Consumption::forward_ended(Inbound& message, Result<Receipt> const& result) {
  if (!result) log_.forward_failed(message, result.error());
  Effects effects;
  Lock lock(mutex_);
  if (result) {
    ++(message.forward_to == kToDeadLetters ? done_.dead_lettered : done_.delayed);
    backlog_.finish(message, effects);
    note_state(effects);
  } else {
    auto const delay = backoff_delay(kTryAgain, ++message.failed_tries, random_);
    (void)backlog_.park(message, Clock::now() + delay, effects);
    wake_timer_for_parked();
  }
  if (quiet_waiters_ > 0) quiet_.notify_all();
  if (is_help_wanted()) work_.notify_one();
  apply_unlocked(lock, effects);
}

void Consumption::store_failed(Inbound const& message, Error const& error) {
  log_.store_failed(message, error);
  std::lock_guard const lock(mutex_);
  store_problem_ = error;
}

void Consumption::store_is_back() noexcept {
  if (!admission_.is_store_away()) store_problem_.reset();
}

void Consumption::store_answered() {
  Effects effects;
  Lock lock(mutex_);
  admission_.store_answered();
  store_is_back();
  note_state(effects);
  apply_unlocked(lock, effects);
}

void Consumption::wake_timer_for_parked() { wake_timer_by(backlog_.next_due()); }

void Consumption::wake_timer_by(std::optional<Clock::time_point> time) {
  if (time && *time < timer_wakes_) timer_.notify_one();
}

void Consumption::run_timer() {
  auto const tick = std::clamp<std::chrono::milliseconds>(setup_.spec.config.timeout / 4, 5ms, 1s);
  Effects effects;
  Lock lock(mutex_);
  while (!is_ending_) {
    auto const now = Clock::now();
    backlog_.release_due(now);
    watch_handlers(lock, now, effects);
    log_state(lock);
    if (is_help_wanted()) work_.notify_one();
    apply_unlocked(lock, effects);
    timer_wakes_ = std::min(now + tick, backlog_.next_due().value_or(Clock::time_point::max()));
    if (backlog_.ready() > 0) {
      auto const next = admission_.next(now);
      // What may begin already waits for a worker, not for the timer.
      if (next && *next > now) timer_wakes_ = std::min(timer_wakes_, *next);
    }
    if (!is_ending_) timer_.wait_until(lock, timer_wakes_);
  }
}

void Consumption::watch_handlers(Lock& lock, Clock::time_point now, Effects& effects) {
  auto const timeout = setup_.spec.config.timeout;
  for (auto& slot : slots_) {
    if (now - slot.batch.taken_at() > kPatience) relieve(slot, now, effects);
    auto const overrun = slot.watch.check(now, timeout);
    if (!overrun) continue;
    ++done_.overrun;
    admission_.give_up_probe(slot.permits, now);
    std::stop_source handler = slot.context.stop;
    lock.unlock();
    log_.handler_overran(setup_.spec.destination.name, setup_.spec.group.name, *overrun);
    {
      HandlerScope const scope(*this);  // the application's callbacks run here, and may do what handlers may
      handler.request_stop();
    }
    lock.lock();
  }
  note_state(effects);
}

void Consumption::log_state(Lock& lock) {
  if (logged_state_ == state_) return;
  logged_state_ = state_;
  lock.unlock();
  log_.state_changed(setup_.spec.destination.name, setup_.spec.group.name, logged_state_);
  lock.lock();
}

}  // namespace fairlead
