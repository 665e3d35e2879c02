#pragma once

#include <fairlead/result.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace fairlead::amqp {

/// A result that one thread waits for and the I/O thread sets; the first one set counts. Thread-safe.
class Waiter {
 public:
  /// Why there is no result yet, for an error at the deadline; the last one counts.
  void note(Error obstacle) {
    std::lock_guard const lock(mutex_);
    obstacle_ = std::move(obstacle);
  }
  [[nodiscard]] std::optional<Error> obstacle() const {
    std::lock_guard const lock(mutex_);
    return obstacle_;
  }

  void set(Result<void> result) {
    {
      std::lock_guard const lock(mutex_);
      if (result_) return;
      result_ = std::move(result);
    }
    changed_.notify_all();
  }

  /// Empty when the deadline came first.
  [[nodiscard]] std::optional<Result<void>> wait_until(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [this] { return result_.has_value(); });
    return result_;
  }

 private:
  std::mutex mutable mutex_;
  std::condition_variable changed_;
  std::optional<Error> obstacle_;
  std::optional<Result<void>> result_;
};

}  // namespace fairlead::amqp
