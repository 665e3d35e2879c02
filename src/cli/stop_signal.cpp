#include "cli/stop_signal.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace fairlead::cli {

StopSignal::StopSignal() {
  sigemptyset(&from_outside_);
  sigaddset(&from_outside_, SIGINT);
  sigaddset(&from_outside_, SIGTERM);
  all_ = from_outside_;
  sigaddset(&all_, SIGUSR1);  // our own
  pthread_sigmask(SIG_BLOCK, &all_, nullptr);
}

bool StopSignal::wait_for(std::chrono::nanoseconds time) const {
  auto const deadline = std::chrono::steady_clock::now() + time;
  for (;;) {
    auto const left = std::max(deadline - std::chrono::steady_clock::now(), std::chrono::nanoseconds(0));
    auto const seconds = std::chrono::floor<std::chrono::seconds>(left);
    timespec const wait{seconds.count(), (left - seconds).count()};
    if (sigtimedwait(&all_, nullptr, &wait) >= 0) return true;
    if (errno != EINTR) return false;
  }
}

void StopSignal::release() const { pthread_sigmask(SIG_UNBLOCK, &from_outside_, nullptr); }

void StopSignal::raise() noexcept { kill(getpid(), SIGUSR1); }

}  // namespace fairlead::cli
