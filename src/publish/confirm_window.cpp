#include "publish/confirm_window.hpp"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <queue>
#include <utility>
#include <vector>

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kSlabSlots = 256;

thread_local ConfirmWindow const* completing = nullptr;

struct EarlyDeadline {
  Clock::time_point deadline;
  PendingPublish* slot;
  std::uint64_t sequence;  // the slot may have been used again since
  friend bool operator>(EarlyDeadline const& a, EarlyDeadline const& b) { return a.deadline > b.deadline; }
};

/// Completions are the application's code: what they throw must not end the thread that answers everybody else.
void run(PublishAnswer& answer, Result<Receipt> const& result) noexcept {
  if (answer.trail) answer.trail->ended(result);
  answer.trail.reset();
  try {
    if (answer.done) answer.done(result);
    answer.done.reset();
  } catch (...) {
    // Nobody is left to tell: the publish itself has ended as reported.
  }
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
  State(std::size_t message_limit, std::size_t byte_limit) : max_messages(message_limit), max_bytes(byte_limit) {}

  std::size_t const max_messages;
  std::size_t const max_bytes;
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

  // Pending slots, oldest first. Deadlines grow along the list, except for slots whose deadline is earlier than that of
  // an older one: those are in the heap as well.
  PendingPublish* oldest = nullptr;
  PendingPublish* newest = nullptr;
  Clock::time_point latest_deadline{};
  std::priority_queue<EarlyDeadline, std::vector<EarlyDeadline>, std::greater<>> early;
  std::uint64_t next_sequence = 1;

  // Answered slots whose completions have not run.
  PendingPublish* finished_first = nullptr;
  PendingPublish* finished_last = nullptr;
  std::uint64_t finished_total = 0;
  std::uint64_t ran_total = 0;

  [[nodiscard]] bool has_room(std::size_t wanted) const noexcept {
    return taken < max_messages && (taken == 0 || bytes + wanted <= max_bytes);
  }

  PendingPublish* take(std::size_t wanted, Clock::time_point deadline) {
    if (free == nullptr) grow();
    PendingPublish* const slot = std::exchange(free, free->next);
    ++taken;
    bytes += wanted;
    slot->next = nullptr;
    slot->bytes = wanted;
    slot->deadline = deadline;
    slot->sequence = next_sequence++;
    slot->state = PendingPublish::State::kPending;
    slot->older = std::exchange(newest, slot);
    slot->newer = nullptr;
    (slot->older != nullptr ? slot->older->newer : oldest) = slot;
    slot->has_early_deadline = deadline < latest_deadline;
    if (slot->has_early_deadline) {
      early.push({deadline, slot, slot->sequence});
    } else {
      latest_deadline = deadline;
    }
    return slot;
  }

  void grow() {
    slabs.push_back(std::make_unique<PendingPublish[]>(kSlabSlots));
    for (std::size_t i = 0; i < kSlabSlots; ++i) give_back(slabs.back()[i]);
  }

  void give_back(PendingPublish& slot) noexcept {
    slot.state = PendingPublish::State::kFree;
    slot.next = std::exchange(free, &slot);
  }

  void unlink(PendingPublish& slot) noexcept {
    (slot.older != nullptr ? slot.older->newer : oldest) = slot.newer;
    (slot.newer != nullptr ? slot.newer->older : newest) = slot.older;
    slot.state = PendingPublish::State::kAnswered;
    if (oldest == nullptr) latest_deadline = {};
  }

  /// The slot is done with; wakes who waits for room once an eighth of the window is free.
  void free_slot(PendingPublish& slot) {
    --taken;
    bytes -= slot.bytes;
    if (!slot.result) slot.result = Result<Receipt>(Receipt{});
    give_back(slot);
    if (room_waiters > 0 && taken <= max_messages - max_messages / 8 && bytes <= max_bytes - max_bytes / 8) {
      room.notify_all();
    }
  }

  void wake_flush() {
    if (flush_waiters > 0) settled.notify_all();
  }

  [[nodiscard]] Clock::time_point next_deadline() {
    while (!early.empty() && (early.top().slot->sequence != early.top().sequence ||
                              early.top().slot->state != PendingPublish::State::kPending)) {
      early.pop();
    }
    auto next = Clock::time_point::max();
    if (oldest != nullptr) next = oldest->deadline;
    if (!early.empty()) next = std::min(next, early.top().deadline);
    return next;
  }

  /// Takes the completions of everything whose deadline has passed.
  std::vector<PublishAnswer> expire(Clock::time_point now) {
    std::vector<PublishAnswer> late;
    for (;;) {
      if (next_deadline() > now) return late;
      PendingPublish* const slot = oldest->deadline <= now ? oldest : early.top().slot;
      unlink(*slot);
      late.push_back(std::move(slot->answer));
    }
  }
};

ConfirmWindow::ConfirmWindow(std::size_t max_messages, std::size_t max_bytes)
    : state_(std::make_unique<State>(max_messages, max_bytes)) {}

ConfirmWindow::~ConfirmWindow() = default;

Result<PendingPublish*> ConfirmWindow::acquire(std::size_t bytes, Clock::time_point deadline, bool wait,
                                               PublishAnswer& answer) {
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  auto const may_go = [&] { return state.closed || state.has_room(bytes); };
  if (!may_go()) {
    if (!wait || is_completing()) {
      return Error{Errc::kWouldBlock,
                   "the publish window is full; see publish.window_messages and publish.window_bytes", true};
    }
    ++state.room_waiters;
    bool const has_room = state.room.wait_until(lock, deadline, may_go);
    --state.room_waiters;
    if (!has_room) {
      return Error{Errc::kTimeout,
                   "the publish window stayed full until the deadline: the broker confirms too slowly, or not at all; "
                   "see publish.deadline and publish.window_messages",
                   true};
    }
  }
  if (state.closed) return Error{Errc::kClosed, "the broker is closed"};
  PendingPublish* const slot = state.take(bytes, deadline);
  slot->answer = std::move(answer);
  return slot;
}

PublishAnswer ConfirmWindow::release(PendingPublish& pending) {
  std::lock_guard const lock(state_->mutex);
  PublishAnswer answer;
  if (pending.state == PendingPublish::State::kPending) {
    state_->unlink(pending);
    answer = std::move(pending.answer);
  }
  state_->free_slot(pending);
  state_->wake_flush();
  return answer;
}

void ConfirmWindow::complete(CompletionBatch& batch) {
  auto& state = *state_;
  PendingPublish* inline_first = nullptr;
  {
    std::lock_guard const lock(state.mutex);
    bool const was_idle = state.finished_first == nullptr;
    for (PendingPublish* slot = std::exchange(batch.first_, nullptr); slot != nullptr;) {
      PendingPublish* const next = std::exchange(slot->next, nullptr);
      if (slot->state == PendingPublish::State::kAnswered) {
        state.free_slot(*slot);  // its deadline had passed
      } else {
        state.unlink(*slot);
        ++state.finished_total;
        if (slot->answer.runs_inline) {
          slot->next = std::exchange(inline_first, slot);
        } else {
          (state.finished_last != nullptr ? state.finished_last->next : state.finished_first) = slot;
          state.finished_last = slot;
        }
      }
      slot = next;
    }
    batch.last_ = nullptr;
    if (was_idle && state.finished_first != nullptr) state.work.notify_one();
    state.wake_flush();
  }
  if (inline_first == nullptr) return;
  for (auto* slot = inline_first; slot != nullptr; slot = slot->next) run(slot->answer, slot->result);
  std::lock_guard const lock(state.mutex);
  while (inline_first != nullptr) {
    PendingPublish* const slot = std::exchange(inline_first, inline_first->next);
    state.free_slot(*slot);
    ++state.ran_total;
  }
  state.wake_flush();
}

bool ConfirmWindow::run_completions(Clock::time_point until) {
  auto& state = *state_;
  std::vector<PublishAnswer> late;
  PendingPublish* first = nullptr;
  {
    std::unique_lock lock(state.mutex);
    for (;;) {
      auto const now = Clock::now();
      late = state.expire(now);
      if (state.finished_first != nullptr || !late.empty()) break;
      if (state.closed && state.oldest == nullptr) return false;
      if (now >= until) return true;
      state.work.wait_until(lock, std::min(until, state.next_deadline()));
    }
    first = std::exchange(state.finished_first, nullptr);
    state.finished_last = nullptr;
    state.finished_total += late.size();
  }
  completing = this;
  for (auto* slot = first; slot != nullptr; slot = slot->next) run(slot->answer, slot->result);
  if (!late.empty()) {
    Result<Receipt> const timeout(
        Error{Errc::kTimeout, "no confirmation came before the deadline (publish.deadline)", true, true});
    for (auto& answer : late) run(answer, timeout);
  }
  completing = nullptr;
  std::lock_guard const lock(state.mutex);
  state.ran_total += late.size();
  while (first != nullptr) {
    PendingPublish* const slot = std::exchange(first, first->next);
    state.free_slot(*slot);
    ++state.ran_total;
  }
  state.wake_flush();
  return true;
}

bool ConfirmWindow::flush(Clock::time_point deadline) {
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  ++state.flush_waiters;
  auto const last = state.next_sequence;
  bool flushed = state.settled.wait_until(lock, deadline,
                                          [&] { return state.oldest == nullptr || state.oldest->sequence >= last; });
  if (flushed) {
    auto const answered = state.finished_total;
    flushed = state.settled.wait_until(lock, deadline, [&] { return state.ran_total >= answered; });
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
  std::vector<PublishAnswer> abandoned;
  {
    std::lock_guard const lock(state_->mutex);
    while (state_->oldest != nullptr) {
      PendingPublish* const slot = state_->oldest;
      state_->unlink(*slot);
      abandoned.push_back(std::move(slot->answer));
    }
    state_->finished_total += abandoned.size();
  }
  Result<Receipt> const closed(Error{Errc::kClosed, "the broker was closed before the confirmation came", false, true});
  for (auto& answer : abandoned) run(answer, closed);
  std::lock_guard const lock(state_->mutex);
  state_->ran_total += abandoned.size();
  state_->work.notify_all();
  state_->wake_flush();
}

bool ConfirmWindow::is_completing() const noexcept { return completing == this; }

std::size_t ConfirmWindow::pending() const {
  std::lock_guard const lock(state_->mutex);
  return state_->taken;
}

}  // namespace fairlead
