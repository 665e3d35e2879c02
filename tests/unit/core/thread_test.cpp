#include "core/thread.hpp"

#include "core/gate.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <csignal>
#include <latch>
#include <string>

namespace fairlead {
namespace {

TEST(Thread, IsNamedAndKnowsItself) {
  std::array<char, 16> name{};
  std::latch go(1);
  bool knows_itself = false;
  Thread thread("a-name-that-is-far-too-long", [&] {
    go.wait();  // `thread` is complete only now
    pthread_getname_np(pthread_self(), name.data(), name.size());
    knows_itself = thread.is_current();
  });
  go.count_down();
  EXPECT_FALSE(thread.is_current());
  thread.join();
  EXPECT_EQ(std::string(name.data()), "a-name-that-is-");
  EXPECT_TRUE(knows_itself);
  EXPECT_FALSE(thread.joinable());
}

TEST(Thread, BlocksSignalsAndLeavesThoseOfItsMakerAlone) {
  sigset_t inside;
  sigemptyset(&inside);
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  Thread("signals", [&] { pthread_sigmask(SIG_SETMASK, nullptr, &inside); }).join();
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int const signal : {SIGTERM, SIGINT, SIGPIPE, SIGUSR1}) {
    EXPECT_EQ(sigismember(&inside, signal), 1) << signal;
    EXPECT_EQ(sigismember(&after, signal), sigismember(&before, signal)) << signal;
  }
}

TEST(Thread, JoinsWhenItIsDestroyedOrReplaced) {
  std::atomic<int> ended{0};
  {
    Thread thread("first", [&] { ++ended; });
    thread = Thread("second", [&] { ++ended; });
    EXPECT_GE(ended.load(), 1);
  }
  EXPECT_EQ(ended.load(), 2);
}

TEST(Gate, ClosesOnlyAfterTheLastOneHasLeft) {
  Gate gate;
  ASSERT_TRUE(gate.enter());
  std::atomic<bool> has_left{false};
  std::latch closing(1);
  Thread closer("closer", [&] {
    closing.count_down();
    gate.close();
    EXPECT_TRUE(has_left.load());
  });
  closing.wait();
  while (gate.enter()) gate.leave();  // until it is closed for newcomers
  has_left = true;
  gate.leave();
  closer.join();
  EXPECT_FALSE(gate.enter());
}

}  // namespace
}  // namespace fairlead
