#include "conformance/conformance.hpp"

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fairlead::conformance {
namespace {

/// A thread of this process: its number, its name, and the signals that it blocks.
struct Task {
  int number;
  std::string name;
  unsigned long long blocked;

  [[nodiscard]] bool blocks(int signal) const { return (blocked >> static_cast<unsigned>(signal - 1) & 1U) != 0; }
};

std::vector<Task> tasks() {
  std::vector<Task> found;
  for (auto const& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    Task task{std::stoi(entry.path().filename().string()), {}, 0};
    std::ifstream status(entry.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Name:\t")) task.name = line.substr(6);
      if (line.starts_with("SigBlk:\t")) task.blocked = std::strtoull(line.c_str() + 8, nullptr, 16);
    }
    if (!task.name.empty()) found.push_back(task);
  }
  return found;
}

class Signals : public Conformance {};
INSTANTIATE_TEST_SUITE_P(On, Signals, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Signals, TheLibrarysThreadsBlockThemAndNothingElseChanges) {
  struct sigaction before {};
  ::sigaction(SIGPIPE, nullptr, &before);
  sigset_t mask_before;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_before);
  Recorder recorder;
  auto broker = open(config());
  auto const billing = broker->subscribe("billing", recorder.handler()).value();
  publish(*broker, "before");
  ASSERT_TRUE(eventually([&] { return recorder.finished() == 1; }));

  std::size_t library_threads = 0;
  for (auto const& task : tasks()) {
    if (task.number == static_cast<int>(::syscall(SYS_gettid))) continue;
    ++library_threads;
    for (int const signal : {SIGPIPE, SIGALRM, SIGTERM, SIGINT, SIGUSR1}) {
      EXPECT_TRUE(task.blocks(signal)) << task.name << " takes signal " << signal;
    }
    // Delivered to a thread that does not block it, it would end this process.
    if (!task.blocks(SIGPIPE)) continue;
    for (int i = 0; i < 100; ++i) ::syscall(SYS_tgkill, ::getpid(), task.number, SIGPIPE);
  }
  EXPECT_GE(library_threads, 3u);

  publish(*broker, "after");
  EXPECT_TRUE(eventually([&] { return recorder.finished() == 2; }));
  struct sigaction after {};
  ::sigaction(SIGPIPE, nullptr, &after);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
  EXPECT_EQ(after.sa_handler, SIG_DFL);
  sigset_t mask_after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_after);
  for (int signal = 1; signal < NSIG; ++signal) {
    EXPECT_EQ(::sigismember(&mask_before, signal), ::sigismember(&mask_after, signal)) << signal;
  }
}

volatile std::sig_atomic_t interrupted = 0;

/// Interrupts every system call that can be, once a millisecond.
class Interrupter {
 public:
  Interrupter() {
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = interrupted + 1; };
    ::sigaction(SIGALRM, &action, &before_);  // no SA_RESTART
    itimerval const timer{{0, 1'000}, {0, 1'000}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
  }
  Interrupter(Interrupter const&) = delete;
  Interrupter& operator=(Interrupter const&) = delete;
  ~Interrupter() {
    itimerval const off{};
    ::setitimer(ITIMER_REAL, &off, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  struct sigaction before_ {};
};

TEST_P(Signals, InterruptedSystemCallsAreHarmless) {
  Recorder recorder;
  std::vector<Message> all;
  {
    Interrupter const interrupter;
    auto const begun = interrupted;
    for (int round = 0; round < 5 || interrupted - begun < 100; ++round) {
      auto broker = open(config());
      auto const billing = broker->subscribe("billing", recorder.handler()).value();
      auto const messages = numbered("m" + std::to_string(round) + "-", 200);
      publish(*broker, messages);
      auto publisher = broker->publisher(destination_).value();
      for (int i = 0; i < 50; ++i) {
        all.push_back({.payload = "one" + std::to_string(round) + "-" + std::to_string(i)});
        ASSERT_TRUE(publisher.publish(all.back()));
      }
      all.insert(all.end(), messages.begin(), messages.end());
      ASSERT_TRUE(eventually([&] { return recorder.distinct_payloads().size() == all.size(); }));
      EXPECT_EQ(broker->health().reconnects, 0u);
      EXPECT_TRUE(broker->drain(20s));
      EXPECT_TRUE(broker->close(20s));
    }
  }
  EXPECT_EQ(recorder.distinct_payloads(), distinct(payloads_of(all)));
}

}  // namespace
}  // namespace fairlead::conformance
