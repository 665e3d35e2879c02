#include "consume/consumption.hpp"

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
  bool const wake = is_help_wanted();
  lock.unlock();
  if (wake) work_.notify_one();
  apply(slot.effects, slot.cleared);
  return true;
}

void Consumption::collect(WorkerSlot& slot, Clock::time_point now, Effects& effects) {
  bool has_parked = false;
  slot.batch.collect([&](Inbound& message, Fate fate) {
    switch (fate) {
      case Fate::kHandled:
        ++done_.handled;
        backlog_.finish(message, effects);
        break;
      case Fate::kDropped:
        ++done_.dropped;
        backlog_.finish(message, effects);
        break;
      case Fate::kAgain:
        has_parked = true;
        if (message.given_up) {
          park_dead_letter(message, now, effects);
        } else if (backlog_.park(message, message.due, effects)) {
          ++done_.retried;
        }
        break;
      case Fate::kElsewhere: break;
    }
  });
  if (has_parked) wake_timer_for_parked();
  if (quiet_waiters_ > 0) quiet_.notify_all();
}

bool Consumption::fill(WorkerSlot& slot, Clock::time_point now) {
  if (shared_batches_ > 0) relieve_slow_workers(slot, now);
  auto const ready = backlog_.ready();
  if (ready == 0) return false;
  slot.batch.restart(now);
  backlog_.take(std::clamp<std::size_t>(ready / slots_.size(), 1, slot.longest_batch), slot.batch);
  slot.is_shared = slot.batch.size() > 1;
  if (slot.is_shared) ++shared_batches_;
  return true;
}

void Consumption::relieve(WorkerSlot& slot, Clock::time_point now, Effects& effects) {
  backlog_.give_back(slot.batch);
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

void Consumption::dead_letter_ended(Inbound& message, Result<Receipt> const& result) {
  if (!result) log_.dead_letter_failed(message, result.error());
  Effects effects;
  Lock lock(mutex_);
  if (result) {
    ++done_.dead_lettered;
    backlog_.finish(message, effects);
  } else {
    park_dead_letter(message, Clock::now(), effects);
    wake_timer_for_parked();
  }
  if (quiet_waiters_ > 0) quiet_.notify_all();
  if (is_help_wanted()) work_.notify_one();
  apply_unlocked(lock, effects);
}

void Consumption::park_dead_letter(Inbound& message, Clock::time_point now, Effects& effects) {
  auto const ceiling = backoff_ceiling({100ms, 30s, 2.0}, ++message.failed_publishes);
  std::uniform_int_distribution<std::int64_t> jitter(0, ceiling.count());
  (void)backlog_.park(message, now + std::chrono::milliseconds(jitter(random_)), effects);
}

void Consumption::wake_timer_for_parked() {
  auto const due = backlog_.next_due();
  if (due && *due < timer_wakes_) timer_.notify_one();
}

void Consumption::run_timer() {
  auto const timeout = setup_.spec.config.timeout;
  auto const tick = std::clamp<std::chrono::milliseconds>(timeout / 4, 5ms, 1s);
  Effects effects;
  Lock lock(mutex_);
  while (!is_ending_) {
    auto const now = Clock::now();
    backlog_.release_due(now);
    for (auto& slot : slots_) {
      if (now - slot.batch.taken_at() > kPatience) relieve(slot, now, effects);
      auto const overrun = slot.watch.check(now, timeout);
      if (!overrun) continue;
      ++done_.overrun;
      lock.unlock();
      log_.handler_overran(setup_.spec.destination.name, setup_.spec.group.name, *overrun);
      lock.lock();
    }
    if (is_help_wanted()) work_.notify_one();
    apply_unlocked(lock, effects);
    timer_wakes_ = std::min(now + tick, backlog_.next_due().value_or(Clock::time_point::max()));
    if (!is_ending_) timer_.wait_until(lock, timer_wakes_);
  }
}

}  // namespace fairlead
