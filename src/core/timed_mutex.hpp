#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace fairlead {

/// A mutex that gives up at a deadline, for std::unique_lock. std::timed_mutex waits by a call that ThreadSanitizer
/// does not know, so that every later unlock looks like an error to it. Meant for set-up work, not for hot paths.
class TimedMutex {
 public:
  void lock() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [this] { return !is_locked_; });
    is_locked_ = true;
  }
  [[nodiscard]] bool try_lock() {
    std::lock_guard const lock(mutex_);
    return !is_locked_ && (is_locked_ = true);
  }
  [[nodiscard]] bool try_lock_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    if (!free_.wait_until(lock, deadline, [this] { return !is_locked_; })) return false;
    return is_locked_ = true;
  }
  void unlock() {
    {
      std::lock_guard const lock(mutex_);
      is_locked_ = false;
    }
    free_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  bool is_locked_ = false;
};

}  // namespace fairlead
