#pragma once

#include <fairlead/completion.hpp>
#include <fairlead/message.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fairlead {

struct PublishTrail;  // what the log record of a publish needs; publish/publish_log.hpp

/// One publish between Sink::publish and its answer. Lives in the window's slab: its address is the opaque pointer or
/// the ring entry that the client library carries. A publish whose deadline passed is answered at once, but its slot
/// stays taken until the backend completes it, so a late answer never meets a reused slot.
struct PendingPublish {
  using Clock = std::chrono::steady_clock;

  Result<Receipt> result{Receipt{}};  // the id is set when the slot is taken; the rest by CompletionBatch
  Completion done;
  Clock::time_point deadline;
  std::size_t bytes = 0;
  std::unique_ptr<PublishTrail> trail;  // only while publish records are logged
  PendingPublish* next = nullptr;       // free list, or the batch it is completed in
  enum class State : std::uint8_t { kFree, kPending, kAnswered } state = State::kFree;
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

/// The publishes that wait for the broker's answer: bounded in messages and bytes, each with a deadline. Owns no
/// thread: the broker's completion thread calls `run_completions`. Thread-safe.
class ConfirmWindow {
 public:
  using Clock = std::chrono::steady_clock;

  ConfirmWindow(std::size_t max_messages, std::size_t max_bytes);
  ~ConfirmWindow();
  ConfirmWindow(ConfirmWindow const&) = delete;
  ConfirmWindow& operator=(ConfirmWindow const&) = delete;

  // --- backend side ---
  /// Takes the answers; each slot at most once. Never runs user code. Empties the batch.
  void complete(CompletionBatch& batch);

  // --- publisher side --- (see confirm_window.cpp)
  /// A slot for one message. Full: waits until `deadline` (kTimeout, not persisted), or answers kWouldBlock when
  /// `wait` is false or the caller is the completion thread.
  [[nodiscard]] Result<PendingPublish*> acquire(std::size_t bytes, Clock::time_point deadline, bool wait);
  /// Gives back a slot that the sink refused; its completion was not called.
  void release(PendingPublish& pending);
  /// Waits until all publishes acquired before have been answered and their completions have returned.
  [[nodiscard]] bool flush(Clock::time_point deadline);
  /// From now on acquire answers kClosed; waiting callers are woken.
  void close();
  /// Answers everything still pending with kClosed (maybe applied). For a backend that could not finish in time.
  void abandon_all();

  // --- completion thread ---
  /// Waits for answers or for the next deadline, at most until `until`, and runs the completions. Late publishes are
  /// answered kTimeout, maybe applied. Returns false when closed and empty.
  bool run_completions(Clock::time_point until);
  void wake();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fairlead
