#include "publish/confirm_window.hpp"

#include "core/thread.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using Clock = ConfirmWindow::Clock;

constexpr auto kPatience = 20s;

/// A window whose completions run on a thread of their own, as a broker's do.
class RunningWindow {
 public:
  RunningWindow(std::size_t messages, std::size_t bytes)
      : window(std::make_shared<ConfirmWindow>(messages, bytes)), thread_("completions", [w = window] {
          while (w->run_completions(Clock::now() + 1h)) {
          }
        }) {}
  ~RunningWindow() {
    window->close();
    window->abandon_all();
  }
  std::shared_ptr<ConfirmWindow> const window;

 private:
  Thread thread_;
};

/// Collects answers; waits for a number of them.
class Answers {
 public:
  Completion completion() {
    return [this](Result<Receipt> const& result) { add(result); };
  }
  void add(Result<Receipt> const& result) {
    std::lock_guard const lock(mutex_);
    results_.push_back(result);
    added_.notify_all();
  }
  bool wait_for(std::size_t count, Clock::duration patience = kPatience) {
    std::unique_lock lock(mutex_);
    return added_.wait_for(lock, patience, [&] { return results_.size() >= count; });
  }
  std::vector<Result<Receipt>> results() {
    std::lock_guard const lock(mutex_);
    return results_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable added_;
  std::vector<Result<Receipt>> results_;
};

struct Acquired {
  PendingPublish* slot = nullptr;
  std::optional<Error> error;
};

Acquired acquire(ConfirmWindow& window, Completion done, Clock::duration deadline = kPatience, std::size_t bytes = 1,
                 bool wait = true, bool runs_inline = false) {
  PublishAnswer answer{std::move(done), runs_inline, nullptr};
  auto slot = window.acquire(bytes, Clock::now() + deadline, wait, answer);
  if (!slot) return {nullptr, slot.error()};
  return {*slot, std::nullopt};
}

void confirm(ConfirmWindow& window, PendingPublish* slot, std::int64_t position = 0) {
  CompletionBatch batch;
  batch.confirm(*slot, 0, position);
  window.complete(batch);
}

TEST(ConfirmWindow, AnswersEachPublishOnTheCompletionThread) {
  RunningWindow running(10, 1000);
  Answers answers;
  std::atomic<std::thread::id> thread;
  auto const first = acquire(*running.window, [&](Result<Receipt> const& result) {
    thread = std::this_thread::get_id();
    answers.add(result);
  });
  auto const second = acquire(*running.window, answers.completion());
  first.slot->result->id = "one";
  CompletionBatch batch;
  batch.confirm(*first.slot, 3, 77);
  batch.fail(*second.slot, Error{Errc::kRefused, "no"});
  running.window->complete(batch);
  EXPECT_TRUE(batch.empty());

  ASSERT_TRUE(answers.wait_for(2));
  auto const results = answers.results();
  EXPECT_NE(thread.load(), std::this_thread::get_id());
  EXPECT_EQ(results[0]->id, "one");
  EXPECT_EQ(results[0]->partition, 3);
  EXPECT_EQ(results[0]->position, 77);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().code, Errc::kRefused);
  EXPECT_TRUE(running.window->flush(Clock::now() + kPatience));
  EXPECT_EQ(running.window->pending(), 0U);
}

TEST(ConfirmWindow, AnswersAPublishAtItsDeadlineThoughNothingElseHappens) {
  RunningWindow running(10, 1000);
  // The completion thread has gone to sleep by then: nothing was pending.
  Answers warm_up;
  confirm(*running.window, acquire(*running.window, warm_up.completion()).slot);
  ASSERT_TRUE(warm_up.wait_for(1));

  Answers answers;
  auto const began = Clock::now();
  auto const late = acquire(*running.window, answers.completion(), 50ms);
  ASSERT_TRUE(answers.wait_for(1, 5s));
  EXPECT_GE(Clock::now() - began, 50ms);
  ASSERT_FALSE(answers.results()[0]);
  EXPECT_EQ(answers.results()[0].error().code, Errc::kTimeout);
  EXPECT_TRUE(answers.results()[0].error().maybe_applied);
  EXPECT_EQ(running.window->pending(), 1U) << "the slot is taken until the backend lets go of it";

  confirm(*running.window, late.slot);
  EXPECT_EQ(running.window->pending(), 0U);
  EXPECT_EQ(answers.results().size(), 1U) << "a late confirmation is not a second answer";
}

}  // namespace
}  // namespace fairlead
