#pragma once

#include <csignal>

#include <chrono>

namespace fairlead::cli {

/// Turns SIGINT and SIGTERM into something to wait for. Made before any other thread, so that they inherit the blocked
/// signals. After `release` a second signal ends the program at once. Single-owner, except `raise`.
class StopSignal {
 public:
  StopSignal();

  /// False when the time is over, true when a signal came or `raise` was called.
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds time) const;
  void release() const;

  /// Wakes the waiting thread as a signal does. Any thread.
  static void raise() noexcept;

 private:
  sigset_t from_outside_;
  sigset_t all_;
};

}  // namespace fairlead::cli
