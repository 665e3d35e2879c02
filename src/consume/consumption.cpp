#include "consume/consumption.hpp"

#include <utility>

namespace fairlead {

Consumption::Consumption(SubscriptionSetup setup, KeyTable::Hash hash)
    : setup_(std::move(setup)),
      log_(*setup_.logger),
      door_(*this, log_, setup_.spec.destination.name, setup_.spec.group.name),
      backlog_(setup_.spec.config.ordering, static_cast<std::size_t>(setup_.spec.config.max_in_flight),
               setup_.spec.config.max_in_flight_bytes, hash),
      random_(setup_.seed),
      timer_wakes_(Clock::time_point::max()) {}

SubscriptionStats Consumption::stats() const {
  std::lock_guard const lock(mutex_);
  SubscriptionStats stats = done_;
  stats.received = backlog_.received();
  stats.redelivered = backlog_.redelivered();
  stats.stale = backlog_.stale();
  stats.in_flight = backlog_.in_flight();
  stats.partitions = backlog_.open_lanes();
  return stats;
}

// --- intake ---

Intake::Room Consumption::room() noexcept {
  std::lock_guard const lock(mutex_);
  return backlog_.room();
}

InboundList Consumption::free_nodes() {
  std::lock_guard const lock(mutex_);
  return pool_.take_all();
}

void Consumption::deliver(InboundList batch) {
  Effects effects;
  bool wake = false;
  {
    std::lock_guard const lock(mutex_);
    backlog_.add(batch, effects);
    wake = is_help_wanted();
  }
  if (wake) work_.notify_one();  // each woken worker wakes the next while there is more
  if (effects.empty()) return;
  Lock lock(mutex_);
  apply_unlocked(lock, effects);
}

void Consumption::open_lane(Lane lane) {
  Effects effects;
  Lock lock(mutex_);
  relieve_all(effects);
  backlog_.open_lane(lane, effects);
  apply_unlocked(lock, effects);
}

void Consumption::lose_lane(Lane lane) {
  Effects effects;
  Lock lock(mutex_);
  relieve_all(effects);
  backlog_.lose_lane(lane, effects);
  apply_unlocked(lock, effects);
}

void Consumption::revoke_lane(Lane lane, Clock::time_point deadline) {
  Effects effects;
  Lock lock(mutex_);
  relieve_all(effects);
  backlog_.close_lane(lane, effects);
  apply_unlocked(lock, effects);
  ++quiet_waiters_;
  quiet_.wait_until(lock, deadline, [&] { return backlog_.is_quiet(lane); });
  --quiet_waiters_;
  // Said again here: the worker that finished the last message may not have come to it yet.
  if (auto const settled = backlog_.settled(lane)) effects.settlements.push_back(*settled);
  backlog_.lose_lane(lane, effects);
  apply_unlocked(lock, effects);
}

void Consumption::apply(Effects& effects, InboundList& cleared) noexcept {
  for (auto const& settlement : effects.settlements) source_->settle(settlement.lane, settlement.position);
  effects.settlements.clear();
  if (std::exchange(effects.room, false)) source_->room_available();
  while (Inbound* const message = effects.released.pop()) {
    message->clear();
    cleared.push(*message);
  }
}

void Consumption::apply_unlocked(Lock& lock, Effects& effects) {
  if (effects.empty()) return;
  InboundList cleared;
  ++applying_;
  lock.unlock();
  apply(effects, cleared);
  lock.lock();
  --applying_;
  pool_.put(cleared);
  if (quiet_waiters_ > 0) quiet_.notify_all();
}

// --- control ---

void Consumption::attach(std::unique_ptr<Source> source) {
  bool is_stopped = false;
  {
    std::lock_guard const lock(mutex_);
    source_ = std::move(source);
    is_stopped = is_intake_stopped_;
  }
  if (is_stopped) source_->stop_intake();
}

void Consumption::stop_intake() noexcept {
  Source* source = nullptr;
  {
    std::lock_guard const lock(mutex_);
    is_intake_stopped_ = true;
    source = source_.get();
  }
  if (source != nullptr) source->stop_intake();
}

bool Consumption::drain(Clock::time_point deadline) {
  stop_intake();
  Effects effects;
  Lock lock(mutex_);
  relieve_all(effects);
  backlog_.close_intake(effects);
  apply_unlocked(lock, effects);
  ++quiet_waiters_;
  // A dead letter's confirm settles on the completion thread, which may still hold the last buffer.
  bool const is_quiet = quiet_.wait_until(lock, deadline, [&] { return backlog_.is_quiet() && applying_ == 0; });
  --quiet_waiters_;
  effects.settlements = backlog_.settled();
  if (is_quiet) backlog_.lose_all_lanes(effects);
  apply_unlocked(lock, effects);
  return is_quiet;
}

void Consumption::end() {
  Effects effects;
  Lock lock(mutex_);
  is_ending_ = true;
  relieve_all(effects);
  backlog_.close_intake(effects);
  backlog_.lose_all_lanes(effects);
  work_.notify_all();
  timer_.notify_all();
  quiet_.notify_all();  // a source that waits in revoke_lane has nothing to wait for any more
  apply_unlocked(lock, effects);
}

Result<void> Consumption::close_source(Clock::time_point deadline) {
  return source_ != nullptr ? source_->close(deadline) : Result<void>();
}

}  // namespace fairlead
