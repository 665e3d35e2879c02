#include <fairlead/run_until_signal.hpp>

#include "core/event_fd.hpp"

#include <fairlead/broker.hpp>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How often a drain looks for a second signal.
constexpr milliseconds kLook{50};
// What a close gets beyond the drain: goodbyes to the broker, the last completions.
constexpr milliseconds kGoodbye{800};
constexpr milliseconds kFastStop{200};

constexpr std::array<int, 2> kSignals{SIGINT, SIGTERM};

std::atomic<int> signal_fd{-1};  // where the handler of the signals writes; -1: nobody waits

extern "C" void note_signal(int) {
  int const saved = errno;
  std::uint64_t const one = 1;
  [[maybe_unused]] auto const written = ::write(signal_fd.load(), &one, sizeof one);
  errno = saved;
}

/// Both signals go to an eventfd while it lives.
class SignalTrap {
 public:
  SignalTrap() {
    sigset_t ours;
    sigemptyset(&ours);
    struct sigaction action {};
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    signal_fd = seen_.fd();
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      sigaddset(&ours, kSignals[i]);
      sigaction(kSignals[i], &action, &before_[i]);
    }
    pthread_sigmask(SIG_UNBLOCK, &ours, &mask_before_);
  }
  ~SignalTrap() {
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
    signal_fd = -1;
  }
  SignalTrap(SignalTrap const&) = delete;
  SignalTrap& operator=(SignalTrap const&) = delete;

  /// Waits for the first signal.
  void wait() {
    pollfd waiting{seen_.fd(), POLLIN, 0};
    while (::poll(&waiting, 1, -1) < 0 && errno == EINTR) {
    }
    seen_.clear();
  }
  /// A signal came since the last look.
  [[nodiscard]] bool has_another() {
    pollfd waiting{seen_.fd(), POLLIN, 0};
    return ::poll(&waiting, 1, 0) > 0;
  }

 private:
  EventFd seen_;
  std::array<struct sigaction, kSignals.size()> before_{};
  sigset_t mask_before_{};
};

}  // namespace

Result<void> run_until_signal(Broker& broker, milliseconds drain_timeout) {
  static std::atomic<bool> is_running{false};
  if (is_running.exchange(true)) {
    return Error{Errc::kInvalidArgument, "run_until_signal waits already, on another thread"};
  }
  struct Done {
    ~Done() { is_running = false; }
  } const done;
  SignalTrap trap;
  trap.wait();

  auto const deadline = Clock::now() + drain_timeout;
  Result<void> drained;
  do {
    auto const left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    drained = broker.drain(std::clamp(left, milliseconds(0), kLook));
    if (!drained && drained.error().code != Errc::kTimeout) return drained;
    if (trap.has_another()) {
      auto closed = broker.close(kFastStop);
      return drained ? closed : drained;
    }
  } while (!drained && Clock::now() < deadline);
  auto closed = broker.close(kGoodbye);
  return drained ? closed : drained;
}

}  // namespace fairlead
