#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

namespace fairlead::test {

/// Longer than anything a healthy broker needs, shorter than the limit of a test.
inline constexpr std::chrono::seconds kPatience{45};

/// Waits until `condition` holds, at most for `patience`. Looks again whenever `something_changed` is called, and every
/// few milliseconds for what nobody announces.
[[nodiscard]] bool eventually(std::function<bool()> const& condition, std::chrono::milliseconds patience = kPatience);

/// Wakes those who wait in `eventually`.
void something_changed();

/// Holds handlers until it is opened. Copies share one gate, so a handler that outlives its test still has its own.
class Gate {
 public:
  Gate() : state_(std::make_shared<State>()) {}

  void open() const;
  /// Waits until it is open; false when that took longer than `patience`.
  bool wait(std::chrono::milliseconds patience = kPatience) const;

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable opened;
    bool is_open = false;
  };
  std::shared_ptr<State> state_;
};

}  // namespace fairlead::test
