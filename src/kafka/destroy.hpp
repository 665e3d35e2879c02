#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

namespace fairlead::kafka {

/// Destroying a librdkafka handle has hung for ever in several versions (librdkafka #4187, #4362, #4724), so it is done
/// on a thread of its own that nobody has to wait for. Copies share one destruction. Thread-safe.
class Destruction {
 public:
  /// Runs `destroy` on its own thread; once.
  void start(std::function<void()> destroy);
  /// False when it has not ended by then: the handle and its threads are left behind.
  [[nodiscard]] bool wait(std::chrono::steady_clock::time_point deadline);

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace fairlead::kafka
