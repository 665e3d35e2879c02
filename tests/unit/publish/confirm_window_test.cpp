#include "publish/confirm_window.hpp"

#include "core/thread.hpp"
#include "publish_rig.hpp"
#include "support/fake_sink.hpp"
#include "support/notebook.hpp"
#include "support/wait.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::Answers;
using test::RunningWindow;
using Clock = ConfirmWindow::Clock;

constexpr auto kPatience = 20s;

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

/// A backend with publishes that it has not sent.
class Unsending final : public UnsentPublishes {
 public:
  explicit Unsending(ConfirmWindow& window) : window_(window) {}

  void publish(Completion done, Clock::duration deadline) {
    std::lock_guard const lock(mutex_);  // it is not asked for what it has not got yet
    unsent_.push_back(acquire(window_, std::move(done), deadline).slot);
  }
  void give_up_unsent(Clock::time_point now) override {
    std::lock_guard const lock(mutex_);
    CompletionBatch batch;
    std::erase_if(unsent_, [&](PendingPublish* pending) {
      if (pending->deadline > now) return false;
      batch.fail(*pending, Error{Errc::kBlocked, "never sent", true, false});
      return true;
    });
    window_.complete(batch);
  }

 private:
  ConfirmWindow& window_;
  std::mutex mutex_;
  std::vector<PendingPublish*> unsent_;
};

TEST(ConfirmWindow, OfLatePublishesTheBackendSaysFirstWhichItHasNotSent) {
  RunningWindow running(10, 1000);
  auto const backend = std::make_shared<Unsending>(*running.window);
  running.window->set_unsent(backend);
  Answers sent_answers;
  Answers unsent_answers;
  auto const sent = acquire(*running.window, sent_answers.completion(), 50ms);
  backend->publish(unsent_answers.completion(), 50ms);
  backend->publish(unsent_answers.completion(), 80ms);

  ASSERT_TRUE(sent_answers.wait_for(1));
  ASSERT_TRUE(unsent_answers.wait_for(2));

  EXPECT_EQ(sent_answers.results()[0].error().code, Errc::kTimeout);
  EXPECT_TRUE(sent_answers.results()[0].error().maybe_applied);
  for (auto const& result : unsent_answers.results()) {
    EXPECT_EQ(result.error().code, Errc::kBlocked);
    EXPECT_FALSE(result.error().maybe_applied);
  }
  EXPECT_TRUE(test::eventually([&] { return running.window->pending() == 1; })) << "that of the one that was sent";
  confirm(*running.window, sent.slot);
}

TEST(ConfirmWindow, DeadlinesEndInTheirOwnOrderWhateverTheOrderOfThePublishes) {
  RunningWindow running(10, 1000);
  Answers patient;
  Answers hasty;
  auto const first = acquire(*running.window, patient.completion(), 1h);
  auto const second = acquire(*running.window, hasty.completion(), 80ms);
  auto const third = acquire(*running.window, hasty.completion(), 40ms);
  ASSERT_TRUE(hasty.wait_for(2));
  EXPECT_TRUE(patient.results().empty());
  confirm(*running.window, first.slot);
  ASSERT_TRUE(patient.wait_for(1));
  EXPECT_TRUE(patient.results()[0]);
  confirm(*running.window, second.slot);
  confirm(*running.window, third.slot);
}

TEST(ConfirmWindow, FullWindowRefusesWhoDoesNotWait) {
  RunningWindow running(2, 1000);
  Answers answers;
  auto const first = acquire(*running.window, answers.completion());
  auto const second = acquire(*running.window, answers.completion());
  auto const third = acquire(*running.window, answers.completion(), kPatience, 1, false);
  ASSERT_TRUE(third.error);
  EXPECT_EQ(third.error->code, Errc::kWouldBlock);
  EXPECT_TRUE(third.error->retryable);
  confirm(*running.window, first.slot);
  confirm(*running.window, second.slot);
  ASSERT_TRUE(answers.wait_for(2));
  EXPECT_EQ(answers.results().size(), 2U) << "the refused one is the caller's to report";
}

TEST(ConfirmWindow, IsBoundedInBytesButLetsOneLargeMessageThroughAlone) {
  RunningWindow running(100, 1000);
  auto const large = acquire(*running.window, {}, kPatience, 5000);
  ASSERT_NE(large.slot, nullptr);
  EXPECT_TRUE(acquire(*running.window, {}, kPatience, 1, false).error);
  confirm(*running.window, large.slot);
  ASSERT_TRUE(running.window->flush(Clock::now() + kPatience));
  auto const first = acquire(*running.window, {}, kPatience, 600);
  EXPECT_TRUE(acquire(*running.window, {}, kPatience, 401, false).error);
  auto const second = acquire(*running.window, {}, kPatience, 400, false);
  ASSERT_NE(second.slot, nullptr);
  confirm(*running.window, first.slot);
  confirm(*running.window, second.slot);
}

TEST(ConfirmWindow, WaitingForRoomEndsAtTheDeadlineAsNotPersisted) {
  RunningWindow running(1, 1000);
  auto const first = acquire(*running.window, {});
  auto const began = Clock::now();
  auto const second = acquire(*running.window, {}, 30ms);
  EXPECT_GE(Clock::now() - began, 30ms);
  ASSERT_TRUE(second.error);
  EXPECT_EQ(second.error->code, Errc::kTimeout);
  EXPECT_FALSE(second.error->maybe_applied);
  confirm(*running.window, first.slot);
}

TEST(ConfirmWindow, WaiterGetsRoomThoughMostOfTheWindowIsStuck) {
  RunningWindow running(100, 100'000);
  std::vector<PendingPublish*> taken;
  for (int i = 0; i < 100; ++i) taken.push_back(acquire(*running.window, {}, 1h).slot);
  Acquired waiter;
  Thread publisher("waiter", [&] { waiter = acquire(*running.window, {}); });
  while (running.window->waiting() == 0) std::this_thread::yield();
  confirm(*running.window, taken.back());
  taken.pop_back();
  publisher.join();
  EXPECT_FALSE(waiter.error) << waiter.error->message;
  for (auto* slot : taken) confirm(*running.window, slot);
  if (waiter.slot != nullptr) confirm(*running.window, waiter.slot);
}

TEST(ConfirmWindow, CompletionMayPublishAgainAndNeverWaitsForRoom) {
  RunningWindow running(2, 1000);
  Answers answers;
  Acquired inside;
  Acquired refused;
  auto const first = acquire(*running.window, [&](Result<Receipt> const& result) {
    EXPECT_TRUE(running.window->is_completing());
    inside = acquire(*running.window, answers.completion());
    refused = acquire(*running.window, {});
    answers.add(result);
  });
  confirm(*running.window, first.slot);
  ASSERT_TRUE(answers.wait_for(1));
  EXPECT_FALSE(running.window->is_completing());
  ASSERT_NE(inside.slot, nullptr);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, Errc::kWouldBlock);
  confirm(*running.window, inside.slot);
  ASSERT_TRUE(answers.wait_for(2));
}

TEST(ConfirmWindow, InlineCompletionRunsInsideComplete) {
  RunningWindow running(2, 1000);
  std::thread::id thread;
  auto const taken = acquire(
      *running.window, [&](Result<Receipt> const&) { thread = std::this_thread::get_id(); }, kPatience, 1, true, true);
  confirm(*running.window, taken.slot);
  EXPECT_EQ(thread, std::this_thread::get_id());
  EXPECT_EQ(running.window->pending(), 0U);
}

TEST(ConfirmWindow, CompletionThatThrowsIsLoggedAndTheNextOneRuns) {
  auto const notebook = std::make_shared<test::Notebook>();
  RunningWindow running(10, 1000, notebook);
  Answers answers;
  auto const first = acquire(*running.window, [](Result<Receipt> const&) { throw std::runtime_error("oh no"); });
  auto const second = acquire(*running.window, answers.completion());
  confirm(*running.window, first.slot);
  confirm(*running.window, second.slot);
  ASSERT_TRUE(answers.wait_for(1));
  auto const records = notebook->entries("publish");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].level, LogLevel::kError);
  EXPECT_EQ(records[0].fields.at("error"), "oh no");
}

TEST(ConfirmWindow, FlushWaitsForTheCompletionsOfEarlierPublishesOnly) {
  RunningWindow running(10, 1000);
  std::mutex mutex;
  std::condition_variable changed;
  bool may_return = false;
  std::atomic<bool> has_returned = false;
  auto const first = acquire(*running.window, [&](Result<Receipt> const&) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return may_return; });
    has_returned = true;
  });
  confirm(*running.window, first.slot);
  EXPECT_FALSE(running.window->flush(Clock::now() + 30ms)) << "the completion has not returned";
  auto const later = acquire(*running.window, {}, 1h);
  {
    std::lock_guard const lock(mutex);
    may_return = true;
    changed.notify_all();
  }
  std::optional<bool> flushed;
  Thread flusher("flusher", [&] { flushed = running.window->flush(Clock::now() + kPatience); });
  confirm(*running.window, later.slot);
  flusher.join();
  EXPECT_TRUE(*flushed);
  EXPECT_TRUE(has_returned);
}

TEST(ConfirmWindow, FlushDoesNotWaitForPublishesThatBeganLater) {
  RunningWindow running(10, 1000);
  bool flushed = false;
  // The flusher may begin only after the later publish, and then rightly waits for it: tried until it was quicker.
  for (int attempt = 0; attempt < 50 && !flushed; ++attempt) {
    auto const earlier = acquire(*running.window, {}, 1h);
    std::atomic<bool> has_begun = false;
    Thread flusher("flusher", [&] {
      has_begun = true;
      has_begun.notify_one();
      flushed = running.window->flush(Clock::now() + 200ms);
    });
    has_begun.wait(false);
    std::this_thread::yield();
    auto const later = acquire(*running.window, {}, 1h);
    confirm(*running.window, earlier.slot);
    flusher.join();
    confirm(*running.window, later.slot);
  }
  EXPECT_TRUE(flushed);
}

TEST(ConfirmWindow, ClosedWindowRefusesNewPublishesAndWakesWaiters) {
  RunningWindow running(1, 1000);
  auto const first = acquire(*running.window, {});
  Acquired waiter;
  Thread publisher("waiter", [&] { waiter = acquire(*running.window, {}, 1h); });
  while (running.window->waiting() == 0) std::this_thread::yield();
  running.window->close();
  publisher.join();
  ASSERT_TRUE(waiter.error);
  EXPECT_EQ(waiter.error->code, Errc::kClosed);
  EXPECT_FALSE(waiter.error->maybe_applied);
  confirm(*running.window, first.slot);
}

TEST(ConfirmWindow, AbandonedPublishesEndAsUnknownOnTheCompletionThread) {
  RunningWindow running(10, 1000);
  Answers answers;
  std::atomic<std::thread::id> thread;
  auto const taken = acquire(*running.window, [&](Result<Receipt> const& result) {
    thread = std::this_thread::get_id();
    answers.add(result);
  });
  running.window->close();
  running.window->abandon_all();
  ASSERT_TRUE(answers.wait_for(1));
  EXPECT_NE(thread.load(), std::this_thread::get_id());
  EXPECT_EQ(answers.results()[0].error().code, Errc::kClosed);
  EXPECT_TRUE(answers.results()[0].error().maybe_applied);
  EXPECT_EQ(running.window->pending(), 1U);
  confirm(*running.window, taken.slot);
  EXPECT_EQ(running.window->pending(), 0U);
}

TEST(ConfirmWindow, SinkThatRefusesGivesTheAnswerBackExceptWhenTheDeadlineWasQuicker) {
  RunningWindow running(10, 1000);
  Answers answers;
  auto const refused = acquire(*running.window, answers.completion());
  EXPECT_TRUE(running.window->release(*refused.slot).done);
  auto const late = acquire(*running.window, answers.completion(), 1ms);
  ASSERT_TRUE(answers.wait_for(1));
  EXPECT_FALSE(running.window->release(*late.slot).done);
  EXPECT_EQ(running.window->pending(), 0U);
}

TEST(ConfirmWindow, ReusesTheRoomOfAnId) {
  ConfirmWindow window(10, 1000);
  auto const first = acquire(window, {});
  first.slot->result->id = "0190a2b4-0000-7000-8000-000000000000";
  auto const* const bytes = first.slot->result->id.data();
  confirm(window, first.slot);
  ASSERT_TRUE(window.run_completions(Clock::now()));
  auto const second = acquire(window, {});
  ASSERT_EQ(second.slot, first.slot);
  second.slot->result->id = "0190a2b4-0000-7000-8000-000000000001";
  EXPECT_EQ(second.slot->result->id.data(), bytes);
  confirm(window, second.slot);
}

TEST(ConfirmWindow, EachPublishOfManyThreadsEndsExactlyOnce) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5'000;
  RunningWindow running(64, 100'000);
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<PendingPublish*> outbox;
  bool is_over = false;
  // The backend: answers whatever it was handed, in batches, a part of it late.
  Thread backend("backend", [&] {
    for (bool over = false; !over;) {
      std::vector<PendingPublish*> taken;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return is_over || !outbox.empty(); });
        taken.swap(outbox);
        over = is_over && taken.empty();
      }
      CompletionBatch batch;
      for (auto* slot : taken) batch.confirm(*slot);
      running.window->complete(batch);
    }
  });
  std::atomic<int> answered = 0;
  {
    std::vector<Thread> publishers;
    for (int t = 0; t < kThreads; ++t) {
      publishers.emplace_back("publisher", [&, t] {
        for (int i = 0; i < kEach; ++i) {
          auto const deadline = i % 7 == 0 ? Clock::duration(200us) : Clock::duration(kPatience);
          auto const taken = acquire(
              *running.window, [&](Result<Receipt> const&) { ++answered; }, deadline, 10, true, t == 0);
          if (taken.error) {
            ++answered;
            continue;
          }
          std::lock_guard const lock(mutex);
          outbox.push_back(taken.slot);
          changed.notify_one();
        }
      });
    }
  }
  EXPECT_TRUE(running.window->flush(Clock::now() + kPatience));
  {
    std::lock_guard const lock(mutex);
    is_over = true;
    changed.notify_one();
  }
  backend.join();
  EXPECT_TRUE(running.window->flush(Clock::now() + kPatience));
  EXPECT_EQ(answered, kThreads * kEach);
  EXPECT_EQ(running.window->pending(), 0U);
}

}  // namespace
}  // namespace fairlead
