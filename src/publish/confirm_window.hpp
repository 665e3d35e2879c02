#pragma once

#include <fairlead/completion.hpp>
#include <fairlead/message.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace fairlead {

class Logger;

/// What is left to do, beyond the caller's completion, when a publish ends: its log record. publish/publish_log.hpp
class PublishTrail {
 public:
  virtual ~PublishTrail() = default;
  virtual void ended(Result<Receipt> const& result) noexcept = 0;
};

/// What happens when a publish ends.
struct PublishAnswer {
  Completion done;
  /// Run `done` inside ConfirmWindow::complete instead of on the completion thread. For the library's own completions,
  /// which neither block nor run user code. Does not hold while there is a trail: its record may be written to a file.
  bool runs_inline = false;
  std::unique_ptr<PublishTrail> trail;  // only while publish records are logged

  [[nodiscard]] bool is_inline() const noexcept { return runs_inline && !trail; }
};

/// One publish between Sink::publish and its answer. Lives in the window's slab: its address is the opaque pointer or
/// the ring entry that the client library carries. A publish whose deadline passed is answered at once, but its slot
/// stays taken until the backend completes it, so a late answer never meets a reused slot.
struct alignas(64) PendingPublish {
  using Clock = std::chrono::steady_clock;

  PendingPublish* next = nullptr;  // free list, or the batch it is completed in

  // The window's own, under its lock, which is held for the first cache line only. The backend that has the publish may
  // read its sequence, the order in which all were begun, and its deadline.
  std::uint64_t place = 0;
  std::uint64_t sequence = 0;
  Clock::time_point deadline;
  std::size_t bytes = 0;
  bool is_answered = true;  // or free
  bool is_inline = false;   // its answer is

  bool maybe_applied = false;  // the backend's: it was tried before, and that may have been applied

  PublishAnswer answer;
  Result<Receipt> result{Receipt{}};  // the id is set when the slot is taken; the rest by CompletionBatch
};

/// Answers collected by a backend thread, handed to the window under one lock.
class CompletionBatch {
 public:
  void confirm(PendingPublish& pending, std::int32_t partition = -1, std::int64_t position = -1) noexcept;
  void fail(PendingPublish& pending, Error error) noexcept;
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

 private:
  friend class ConfirmWindow;
  void push(PendingPublish& pending) noexcept;
  PendingPublish* first_ = nullptr;
  PendingPublish* last_ = nullptr;
};

/// What a backend holds and has not sent yet.
class UnsentPublishes {
 public:
  virtual ~UnsentPublishes() = default;
  /// Completes what is past its deadline and was never sent, and never sends it. On the completion thread, with no
  /// lock held.
  virtual void give_up_unsent(std::chrono::steady_clock::time_point now) = 0;
};

/// The publishes that wait for the broker's answer: bounded in messages and bytes, each with a deadline. Owns no
/// thread: the broker's completion thread calls `run_completions`. Thread-safe.
class ConfirmWindow : public std::enable_shared_from_this<ConfirmWindow> {
 public:
  using Clock = std::chrono::steady_clock;

  /// The logger is told of completions that throw.
  ConfirmWindow(std::size_t max_messages, std::size_t max_bytes, std::shared_ptr<Logger> logger = nullptr);
  ~ConfirmWindow();
  ConfirmWindow(ConfirmWindow const&) = delete;
  ConfirmWindow& operator=(ConfirmWindow const&) = delete;

  // --- backend side ---
  /// Takes the answers; each slot at most once. Never runs user code. Empties the batch.
  void complete(CompletionBatch& batch);

  /// Asked before publishes past their deadline are answered as maybe applied, which those are not that it gives up.
  void set_unsent(std::weak_ptr<UnsentPublishes> unsent);

  // --- publisher side ---
  /// A slot for one message, which takes `answer` over; on error `answer` is left alone. Full: waits until `deadline`
  /// (kTimeout, not persisted), or answers kWouldBlock when `wait` is false or the caller is inside a completion.
  [[nodiscard]] Result<PendingPublish*> acquire(std::size_t bytes, Clock::time_point deadline, bool wait,
                                                PublishAnswer& answer);
  /// Gives back a slot that the sink refused, and what was to happen; empty when the deadline was quicker.
  [[nodiscard]] PublishAnswer release(PendingPublish& pending);
  /// Waits until all publishes acquired before have been answered, and those completions have returned that run on the
  /// completion thread.
  [[nodiscard]] bool flush(Clock::time_point deadline);
  /// From now on acquire answers kClosed; waiting callers are woken.
  void close();
  /// Answers everything still pending with kClosed (maybe applied), on the completion thread as ever. For a backend
  /// that could not finish in time.
  void abandon_all();

  // --- completion thread ---
  /// Waits for answers or for the next deadline, at most until `until`, and runs the completions. Publishes past their
  /// deadline are answered kTimeout, maybe applied. False when closed and nothing is left to answer.
  bool run_completions(Clock::time_point until);
  /// The caller is inside a completion of this window.
  [[nodiscard]] bool is_completing() const noexcept;

  /// Slots taken: publishes that were not answered, or whose late answer the backend still owes.
  [[nodiscard]] std::size_t pending() const;
  /// Callers that wait for room.
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fairlead
