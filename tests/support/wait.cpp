#include "support/wait.hpp"

#include <algorithm>

namespace fairlead::test {
namespace {

constexpr std::chrono::milliseconds kLookAgain{5};

struct Changes {
  std::mutex mutex;
  std::condition_variable happened;
};

Changes& changes() {
  static auto* const all = new Changes;  // never destroyed: library threads may outlive main's statics
  return *all;
}

}  // namespace

bool eventually(std::function<bool()> const& condition, std::chrono::milliseconds patience) {
  auto const deadline = std::chrono::steady_clock::now() + patience;
  std::unique_lock lock(changes().mutex);
  while (true) {
    lock.unlock();
    bool const holds = condition();
    lock.lock();
    if (holds) return true;
    auto const now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    changes().happened.wait_until(lock, std::min(deadline, now + kLookAgain));
  }
}

void something_changed() {
  { std::lock_guard const lock(changes().mutex); }
  changes().happened.notify_all();
}

void Gate::open() const {
  {
    std::lock_guard const lock(state_->mutex);
    state_->is_open = true;
  }
  state_->opened.notify_all();
}

bool Gate::wait(std::chrono::milliseconds patience) const {
  std::unique_lock lock(state_->mutex);
  return state_->opened.wait_for(lock, patience, [this] { return state_->is_open; });
}

}  // namespace fairlead::test
