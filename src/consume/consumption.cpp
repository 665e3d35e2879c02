#include "consume/consumption.hpp"

#include "consume/handler_scope.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {

Consumption::Consumption(SubscriptionSetup setup, KeyTable::Hash hash)
    : setup_(std::move(setup)),
      log_(*setup_.logger),
      forwarder_(setup_.retries, setup_.dead_letter, setup_.window, setup_.publish.deadline),
      door_(*this, setup_.spec.destination.name, setup_.spec.group.name),
      backlog_(setup_.spec.config.ordering, static_cast<std::size_t>(setup_.spec.config.max_in_flight),
               setup_.spec.config.max_in_flight_bytes, hash),
      admission_(setup_.spec.config, setup_.seed),
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

SubscriptionHealth Consumption::health() const {
  std::lock_guard const lock(mutex_);
  SubscriptionHealth health;
  health.state = is_intake_stopped_ ? SubscriptionState::kStopping : admission_.state();
  for (auto const& slot : slots_) health.stuck_handlers += slot.watch.is_overrun() ? 1 : 0;
  health.problem = store_problem_ ? store_problem_ : source_problem_;
  return health;
}

// --- intake ---

Intake::Room Consumption::room() noexcept {
  std::lock_guard const lock(mutex_);
  auto room = backlog_.room();
  if (!admission_.holds_intake()) return room;
  if (admission_.needs_probe() && backlog_.in_flight() == 0) {
    room.messages = std::min<std::size_t>(room.messages, 1);
    return room;
  }
  is_intake_held_ = true;  // note_state calls the source again
  return {};
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
    source_problem_.reset();
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
  note_state(effects);
  apply_unlocked(lock, effects);
}

void Consumption::lose_lane(Lane lane) {
  Effects effects;
  Lock lock(mutex_);
  relieve_all(effects);
  backlog_.lose_lane(lane, effects);
  note_state(effects);
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
  relieve_all(effects);  // past the deadline, workers may hold messages that were kept and are not begun
  // Said again here: the worker that finished the last message may not have come to it yet.
  if (auto const settled = backlog_.settled(lane)) effects.settlements.push_back(*settled);
  backlog_.lose_lane(lane, effects);
  note_state(effects);
  apply_unlocked(lock, effects);
}

void Consumption::report(Error const& error) {
  log_.source_reported(setup_.spec.destination.name, setup_.spec.group.name, error);
  std::lock_guard const lock(mutex_);
  source_problem_ = error;
}

void Consumption::recovered() {
  std::lock_guard const lock(mutex_);
  source_problem_.reset();
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
    ++applying_;
  }
  if (source != nullptr) source->stop_intake();
  std::lock_guard const lock(mutex_);
  --applying_;
  if (quiet_waiters_ > 0) quiet_.notify_all();
}

void Consumption::pause() {
  Effects effects;
  Lock lock(mutex_);
  admission_.pause();
  relieve_all(effects);  // what the workers have claimed and not begun
  note_state(effects);
  work_.notify_all();  // whoever collects a batch
  apply_unlocked(lock, effects);
}

void Consumption::resume() {
  Effects effects;
  Lock lock(mutex_);
  admission_.resume();
  note_state(effects);
  apply_unlocked(lock, effects);
}

Result<void> Consumption::seek(SeekTarget const& target, Clock::time_point deadline) {
  return source_ != nullptr ? source_->seek(target, deadline) : Error{Errc::kClosed, "the subscription has ended"};
}

bool Consumption::drain(Clock::time_point deadline) {
  stop_intake();
  Effects effects;
  Lock lock(mutex_);
  admission_.lift();
  relieve_all(effects);
  backlog_.close_intake(effects);
  work_.notify_all();  // whoever collects a batch
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
  std::vector<std::stop_source> running;
  for (auto const& slot : slots_) running.push_back(slot.context.stop);
  work_.notify_all();
  timer_.notify_all();
  quiet_.notify_all();  // a source that waits in revoke_lane has nothing to wait for any more
  apply_unlocked(lock, effects);
  lock.unlock();
  HandlerScope const scope(*this);  // the application's callbacks run here, and may do what handlers may
  for (auto& handler : running) handler.request_stop();
}

Result<void> Consumption::close_source(Clock::time_point deadline) {
  return source_ != nullptr ? source_->close(deadline) : Result<void>();
}

void Consumption::release_source() {
  Lock lock(mutex_);
  ++quiet_waiters_;
  quiet_.wait(lock, [&] { return applying_ == 0; });  // calls that return at once
  --quiet_waiters_;
  auto const source = std::move(source_);
  lock.unlock();
}

}  // namespace fairlead
