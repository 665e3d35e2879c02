#pragma once

#include <fairlead/result.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

namespace fairlead::kafka {

/// Where a seek is asked for by any thread and done by the source's, one at a time. Thread-safe.
class SeekDesk {
 public:
  using Clock = std::chrono::steady_clock;

  struct Order {
    std::map<std::int32_t, std::int64_t> positions;  // by partition; the others stay where they are
    bool only_one = false;                           // it must be this member's
    Clock::time_point deadline;
  };

  /// Waits for the answer, at most until the deadline of the order. `wake` tells the source's thread.
  Result<void> ask(Order order, std::function<void()> const& wake);

  /// The order to work on, once.
  [[nodiscard]] std::optional<Order> take();
  void answer(Result<void> result);
  /// Whoever waits or comes later is told that the source is closed.
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_busy_ = false;  // somebody asks
  bool is_closed_ = false;
  bool is_taken_ = false;
  std::optional<Order> order_;
  std::optional<Result<void>> answer_;
};

}  // namespace fairlead::kafka
