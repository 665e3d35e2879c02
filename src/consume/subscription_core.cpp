#include "consume/subscription_core.hpp"

#include "consume/batch_worker.hpp"
#include "consume/consumption.hpp"
#include "consume/handler_scope.hpp"
#include "consume/worker.hpp"
#include "core/thread.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace fairlead {

struct SubscriptionCore::State {
  std::shared_ptr<Consumption> consumption;
  std::vector<Thread> threads;

  // Stopping and seeking outlast a lock; one caller at a time does it.
  std::mutex mutex;
  std::condition_variable ended;
  bool is_busy = false;  // someone stops or seeks
  bool is_source_closed = false;

  /// Waits for its turn. False: not before the deadline.
  [[nodiscard]] bool begin(Clock::time_point deadline) {
    std::unique_lock lock(mutex);
    if (!ended.wait_until(lock, deadline, [&] { return !is_busy; })) return false;
    is_busy = true;
    return true;
  }
  void end() {
    std::lock_guard const lock(mutex);
    is_busy = false;
    ended.notify_all();
  }

  Error still_busy() const {
    return {Errc::kTimeout, "another stop or seek of subscription '" + consumption->setup().spec.subscription +
                                "' had not ended at the deadline"};
  }
  Error handlers_still_run() const {
    return {Errc::kTimeout, "handlers of subscription '" + consumption->setup().spec.subscription +
                                "' still ran at the deadline: what they work on will be redelivered"};
  }
  Error called_from_handler() const {
    return {Errc::kInvalidArgument, "a handler of subscription '" + consumption->setup().spec.subscription +
                                        "' cannot wait for its own end: call this from another thread"};
  }
};

std::shared_ptr<SubscriptionCore> SubscriptionCore::make(SubscriptionSetup setup) {
  return std::shared_ptr<SubscriptionCore>(new SubscriptionCore(std::move(setup)));
}

SubscriptionCore::SubscriptionCore(SubscriptionSetup setup) : state_(std::make_unique<State>()) {
  state_->consumption = std::make_shared<Consumption>(std::move(setup));
}

SubscriptionCore::~SubscriptionCore() {
  if (!runs_on_this_thread()) (void)stop(Clock::now() + close_timeout());
  // Reached with threads only when a handler is stuck, or drops the last share of its own subscription.
  state_->consumption->end();
  for (auto& thread : state_->threads) {
    if (thread.joinable()) thread.detach();
  }
}

Intake& SubscriptionCore::intake() noexcept { return state_->consumption->intake(); }

Result<void> SubscriptionCore::attach(std::unique_ptr<Source> source) {
  auto const consumption = state_->consumption;
  auto const& setup = consumption->setup();
  consumption->attach(std::move(source));
  std::string const name = "fl-" + setup.spec.subscription;
  try {
    // All slots first: a worker that runs already goes through them.
    bool const has_workers = setup.handler || setup.batch_handler;
    std::vector<WorkerSlot*> slots;
    for (int i = 0; has_workers && i < setup.spec.config.concurrency; ++i) slots.push_back(&consumption->add_worker());
    std::uint64_t seed = setup.seed;
    for (WorkerSlot* const slot : slots) {
      state_->threads.emplace_back(name, [consumption, slot, worker_seed = ++seed] {
        if (consumption->setup().batch_handler) {
          BatchWorker(consumption, *slot, worker_seed).run();
        } else {
          Worker(consumption, *slot, worker_seed).run();
        }
      });
    }
    state_->threads.emplace_back(name, [consumption] { consumption->run_timer(); });
  } catch (std::system_error const& error) {
    (void)stop(Clock::now() + close_timeout());
    return Error{Errc::kInternal, std::string("cannot start the workers of subscription '") + setup.spec.subscription +
                                      "', see its `concurrency`: " + error.what()};
  }
  return {};
}

void SubscriptionCore::stop_intake() noexcept { state_->consumption->stop_intake(); }

Result<void> SubscriptionCore::drain(Clock::time_point deadline) {
  if (runs_on_this_thread()) return state_->called_from_handler();
  if (!state_->consumption->drain(deadline)) return state_->handlers_still_run();
  return {};
}

Result<void> SubscriptionCore::stop(Clock::time_point deadline) {
  if (runs_on_this_thread()) return state_->called_from_handler();
  auto& state = *state_;
  state.consumption->stop_intake();
  if (!state.begin(deadline)) return state.still_busy();
  // Leaving the group takes time as well: a stuck handler must not use all of it up.
  auto const now = Clock::now();
  auto const for_closing = std::clamp<Clock::duration>((deadline - now) / 4, {}, std::chrono::seconds(1));
  bool const is_drained = state.consumption->drain(deadline - for_closing);
  state.consumption->end();
  if (is_drained) state.threads.clear();
  Result<void> closed;
  if (!std::exchange(state.is_source_closed, true)) closed = state.consumption->close_source(deadline);
  if (is_drained) state.consumption->release_source();
  state.end();
  return is_drained ? closed : state.handlers_still_run();
}

void SubscriptionCore::pause() noexcept { state_->consumption->pause(); }
void SubscriptionCore::resume() noexcept { state_->consumption->resume(); }

Result<void> SubscriptionCore::seek(SeekTarget const& target, Clock::time_point deadline) {
  if (runs_on_this_thread()) return state_->called_from_handler();
  auto& state = *state_;
  if (!state.begin(deadline)) {
    return Error{Errc::kTimeout, "the subscription was still being stopped, or another seek went on, at the deadline"};
  }
  auto result = state.is_source_closed ? Result<void>(Error{Errc::kClosed, "the subscription was stopped"})
                                       : state.consumption->seek(target, deadline);
  state.end();
  return result;
}

std::shared_ptr<Consumption> const& SubscriptionCore::consumption() const noexcept { return state_->consumption; }

SubscriptionStats SubscriptionCore::stats() const { return state_->consumption->stats(); }
SubscriptionHealth SubscriptionCore::health() const { return state_->consumption->health(); }

bool SubscriptionCore::runs_on_this_thread() const noexcept {
  return HandlerScope::current() == state_->consumption.get();
}

std::chrono::milliseconds SubscriptionCore::close_timeout() const noexcept {
  return state_->consumption->setup().close_timeout;
}

}  // namespace fairlead
