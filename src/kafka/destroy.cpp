#include "kafka/destroy.hpp"

#include "core/thread.hpp"

#include <utility>

namespace fairlead::kafka {

void Destruction::start(std::function<void()> destroy) {
  Thread thread("fl-kafka-end", [state = state_, body = std::move(destroy)] {
    body();
    std::lock_guard const lock(state->mutex);
    state->ended = true;
    state->changed.notify_all();
  });
  thread.detach();
}

bool Destruction::wait(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_until(lock, deadline, [this] { return state_->ended; });
}

}  // namespace fairlead::kafka
