#include "publish/confirm_window.hpp"

#include "core/seeded_fault.hpp"
#include "observe/logging.hpp"
#include "publish/pending_list.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kSlabSlots = 256;

// Who waits for room is woken when an eighth of the window is free, not for every message. It also looks by itself this
// often: a partition that answers nothing may hold more than the other seven eighths.
constexpr std::chrono::milliseconds kRoomCheck{5};

thread_local ConfirmWindow const* completing = nullptr;

/// Completions are the application's code: what they throw must not end the thread that answers everybody else.
void run(PublishAnswer& answer, Result<Receipt> const& result, Logger* logger) noexcept {
  if (!result && result.error().maybe_applied && is_seeded(SeededFault::kUnknownAsConfirmed)) {
    return run(answer, Receipt{}, logger);
  }
  if (answer.trail) answer.trail->ended(result);
  answer.trail.reset();
  std::string_view thrown;
  try {
    if (answer.done) answer.done(result);
  } catch (std::exception const& exception) {
    thrown = "a publish completion threw";
    if (logger != nullptr) log(*logger, LogLevel::kError, "publish", thrown, {{log_field::kError, exception.what()}});
  } catch (...) {
    thrown = "a publish completion threw something that is no std::exception";
    if (logger != nullptr) log(*logger, LogLevel::kError, "publish", thrown);
  }
  answer.done.reset();
}

/// Slots on their way back to the free list.
struct SlotChain {
  PendingPublish* first = nullptr;
  PendingPublish* last = nullptr;
  std::size_t count = 0;
  std::size_t bytes = 0;
};

/// Makes slots ready for their next publish, outside the lock: there may be thousands.
SlotChain clean(PendingPublish* first) noexcept {
  SlotChain chain{first};
  for (auto* slot = first; slot != nullptr; slot = slot->next) {
    if (!slot->result) slot->result = Result<Receipt>(Receipt{});
    ++chain.count;
    chain.bytes += slot->bytes;
    chain.last = slot;
  }
  return chain;
}

SlotChain clean_one(PendingPublish& slot) noexcept {
  slot.next = nullptr;
  return clean(&slot);
}

}  // namespace

void CompletionBatch::push(PendingPublish& pending) noexcept {
  pending.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &pending;
  last_ = &pending;
}

void CompletionBatch::confirm(PendingPublish& pending, std::int32_t partition, std::int64_t position) noexcept {
  pending.result->partition = partition;
  pending.result->position = position;
  push(pending);
}

void CompletionBatch::fail(PendingPublish& pending, Error error) noexcept {
  pending.result = Result<Receipt>(std::move(error));
  push(pending);
}

struct ConfirmWindow::State {
  State(std::size_t message_limit, std::size_t byte_limit, std::shared_ptr<Logger> log)
      : max_messages(message_limit), max_bytes(byte_limit), logger(std::move(log)) {}

  std::size_t const max_messages;
  std::size_t const max_bytes;
  std::shared_ptr<Logger> const logger;
  std::mutex mutable mutex;
  std::condition_variable room;     // for acquire
  std::condition_variable work;     // for the completion thread
  std::condition_variable settled;  // for flush
  std::size_t room_waiters = 0;
  std::size_t flush_waiters = 0;

  std::vector<std::unique_ptr<PendingPublish[]>> slabs;
  PendingPublish* free = nullptr;
  std::size_t taken = 0;  // slots that are not free
  std::size_t bytes = 0;
  bool closed = false;

  PendingList pending;
  Clock::time_point wakes_at = Clock::time_point::max();  // when the completion thread looks for late publishes
  std::weak_ptr<UnsentPublishes> unsent;

  // What the completion thread has to run: answered slots, and answers whose slots the backend still holds.
  PendingPublish* finished_first = nullptr;
  PendingPublish* finished_last = nullptr;
  std::vector<PublishAnswer> late;
  std::vector<PublishAnswer> abandoned;
  std::uint64_t queued_total = 0;
  std::uint64_t ran_total = 0;

  [[nodiscard]] bool has_room(std::size_t wanted) const noexcept {
    return taken < max_messages && (taken == 0 || bytes + wanted <= max_bytes);
  }
  [[nodiscard]] bool has_completions() const noexcept {
    return finished_first != nullptr || !late.empty() || !abandoned.empty();
  }

  PendingPublish& take(std::size_t wanted, Clock::time_point deadline) {
    if (free == nullptr) grow();
    PendingPublish& slot = *std::exchange(free, free->next);
    ++taken;
    bytes += wanted;
    slot.next = nullptr;
    slot.maybe_applied = false;
    slot.bytes = wanted;
    pending.push(slot, deadline);
    return slot;
  }

  void grow() {
    slabs.push_back(std::make_unique<PendingPublish[]>(kSlabSlots));
    for (std::size_t i = 0; i < kSlabSlots; ++i) slabs.back()[i].next = std::exchange(free, &slabs.back()[i]);
  }

  void give_back(SlotChain const& chain) noexcept {
    if (chain.first == nullptr) return;
    taken -= chain.count;
    bytes -= chain.bytes;
    chain.last->next = std::exchange(free, chain.first);
  }

  void queue(PendingPublish& slot) noexcept {
    (finished_last != nullptr ? finished_last->next : finished_first) = &slot;
    finished_last = &slot;
    ++queued_total;
  }

  void expire(Clock::time_point now) {
    while (PendingPublish* const slot = pending.find_expired(now)) {
      pending.remove(*slot);
      late.push_back(std::move(slot->answer));
      ++queued_total;
    }
  }

  /// To be called when slots became free or publishes were answered.
  void wake_waiters() {
    if (room_waiters > 0 && taken <= max_messages - max_messages / 8 && bytes <= max_bytes - max_bytes / 8) {
      room.notify_all();
    }
    if (flush_waiters > 0) settled.notify_all();
  }
};

ConfirmWindow::ConfirmWindow(std::size_t max_messages, std::size_t max_bytes, std::shared_ptr<Logger> logger)
    : state_(std::make_unique<State>(max_messages, max_bytes, std::move(logger))) {}

ConfirmWindow::~ConfirmWindow() = default;

Result<PendingPublish*> ConfirmWindow::acquire(std::size_t bytes, Clock::time_point deadline, bool wait,
                                               PublishAnswer& answer) {
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  while (!state.closed && !state.has_room(bytes)) {
    if (!wait || is_completing()) {
      return Error{Errc::kWouldBlock,
                   "the publish window is full; see publish.window_messages and publish.window_bytes", true};
    }
    auto const now = Clock::now();
    if (now >= deadline) {
      return Error{Errc::kTimeout,
                   "the publish window stayed full until the deadline: the broker confirms too slowly, or not at all; "
                   "see publish.deadline and publish.window_messages",
                   true};
    }
    ++state.room_waiters;
    state.room.wait_until(lock, std::min(deadline, now + kRoomCheck));
    --state.room_waiters;
  }
  if (state.closed) return Error{Errc::kClosed, "the broker is closed"};
  PendingPublish& slot = state.take(bytes, deadline);
  slot.is_inline = answer.is_inline();
  slot.answer = std::move(answer);
  bool const is_earlier = deadline < state.wakes_at;
  if (is_earlier) state.wakes_at = deadline;
  lock.unlock();
  if (is_earlier) state.work.notify_one();
  return &slot;
}

PublishAnswer ConfirmWindow::release(PendingPublish& pending) {
  std::lock_guard const lock(state_->mutex);
  PublishAnswer answer;
  if (!pending.is_answered) {
    state_->pending.remove(pending);
    answer = std::move(pending.answer);
  }
  state_->give_back(clean_one(pending));
  state_->wake_waiters();
  return answer;
}

void ConfirmWindow::complete(CompletionBatch& batch) {
  auto& state = *state_;
  PendingPublish* inline_first = nullptr;
  bool wake = false;
  {
    std::lock_guard const lock(state.mutex);
    bool const was_idle = !state.has_completions();
    for (PendingPublish* slot = std::exchange(batch.first_, nullptr); slot != nullptr;) {
      PendingPublish* const next = std::exchange(slot->next, nullptr);
      if (slot->is_answered) {
        state.give_back(clean_one(*slot));  // its deadline had passed
      } else {
        state.pending.remove(*slot);
        if (slot->is_inline) {
          slot->next = std::exchange(inline_first, slot);
        } else {
          state.queue(*slot);
        }
      }
      slot = next;
    }
    batch.last_ = nullptr;
    wake = was_idle && state.has_completions();
    state.wake_waiters();
  }
  if (wake) state.work.notify_one();
  if (inline_first == nullptr) return;
  for (auto* slot = inline_first; slot != nullptr; slot = slot->next) run(slot->answer, slot->result, nullptr);
  auto const spent = clean(inline_first);
  std::lock_guard const lock(state.mutex);
  state.give_back(spent);
  state.wake_waiters();
}

void ConfirmWindow::set_unsent(std::weak_ptr<UnsentPublishes> unsent) {
  std::lock_guard const lock(state_->mutex);
  state_->unsent = std::move(unsent);
}

bool ConfirmWindow::run_completions(Clock::time_point until) {
  auto& state = *state_;
  std::vector<PublishAnswer> late;
  std::vector<PublishAnswer> abandoned;
  PendingPublish* first = nullptr;
  {
    std::unique_lock lock(state.mutex);
    for (;;) {
      auto const now = Clock::now();
      if (state.pending.find_expired(now) != nullptr) {
        auto const unsent = state.unsent;
        lock.unlock();
        if (auto const backend = unsent.lock()) backend->give_up_unsent(now);
        lock.lock();
        state.expire(now);
      }
      if (state.has_completions()) break;
      if (state.closed && state.pending.empty()) return false;
      if (now >= until) return true;
      // Kept though what it was set for may be answered: one idle look costs less than a wake-up with each publish.
      if (state.wakes_at <= now) state.wakes_at = Clock::time_point::max();
      state.wakes_at = std::min(state.wakes_at, state.pending.next_deadline());
      state.work.wait_until(lock, std::min(until, state.wakes_at));
    }
    first = std::exchange(state.finished_first, nullptr);
    state.finished_last = nullptr;
    late.swap(state.late);
    abandoned.swap(state.abandoned);
  }
  auto* const logger = state.logger.get();
  completing = this;
  for (auto* slot = first; slot != nullptr; slot = slot->next) run(slot->answer, slot->result, logger);
  if (!late.empty()) {
    Result<Receipt> const timeout(
        Error{Errc::kTimeout, "no confirmation came before the deadline (publish.deadline)", true, true});
    for (auto& answer : late) run(answer, timeout, logger);
  }
  if (!abandoned.empty()) {
    Result<Receipt> const closed(
        Error{Errc::kClosed, "the broker was closed before the confirmation came", false, true});
    for (auto& answer : abandoned) run(answer, closed, logger);
  }
  completing = nullptr;
  auto const spent = clean(first);
  std::lock_guard const lock(state.mutex);
  state.give_back(spent);
  state.ran_total += spent.count + late.size() + abandoned.size();
  state.wake_waiters();
  return true;
}

bool ConfirmWindow::flush(Clock::time_point deadline) {
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  ++state.flush_waiters;
  auto const end = state.pending.next_sequence();
  bool flushed = state.settled.wait_until(
      lock, deadline, [&] { return state.pending.empty() || state.pending.oldest()->sequence >= end; });
  if (flushed) {
    auto const queued = state.queued_total;
    flushed = state.settled.wait_until(lock, deadline, [&] { return state.ran_total >= queued; });
  }
  --state.flush_waiters;
  return flushed;
}

void ConfirmWindow::close() {
  std::lock_guard const lock(state_->mutex);
  state_->closed = true;
  state_->room.notify_all();
  state_->work.notify_all();
}

void ConfirmWindow::abandon_all() {
  auto& state = *state_;
  std::lock_guard const lock(state.mutex);
  while (PendingPublish* const slot = state.pending.oldest()) {
    state.pending.remove(*slot);
    state.abandoned.push_back(std::move(slot->answer));
    ++state.queued_total;
  }
  state.work.notify_all();
  state.wake_waiters();
}

bool ConfirmWindow::is_completing() const noexcept { return completing == this; }

std::size_t ConfirmWindow::pending() const {
  std::lock_guard const lock(state_->mutex);
  return state_->taken;
}

std::size_t ConfirmWindow::waiting() const {
  std::lock_guard const lock(state_->mutex);
  return state_->room_waiters;
}

}  // namespace fairlead
