#pragma once

#include "publish/confirm_window.hpp"
#include "publish/sink.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::test {

/// Collects how publishes ended. Copies share one collection, so a late answer finds it still. Thread-safe.
class Answers {
 public:
  [[nodiscard]] Completion completion() const {
    return [answers = *this](Result<Receipt> const& result) { answers.add(result); };
  }
  void add(Result<Receipt> const& result) const {
    std::lock_guard const lock(state_->mutex);
    state_->results.push_back(result);
    state_->added.notify_all();
  }
  [[nodiscard]] bool wait_for(std::size_t count, std::chrono::milliseconds patience = std::chrono::seconds(20)) const {
    std::unique_lock lock(state_->mutex);
    return state_->added.wait_for(lock, patience, [&] { return state_->results.size() >= count; });
  }
  [[nodiscard]] std::vector<Result<Receipt>> results() const {
    std::lock_guard const lock(state_->mutex);
    return state_->results;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable added;
    std::vector<Result<Receipt>> results;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// A backend of one destination that keeps what it was handed, and answers as it is told. Thread-safe.
class FakeSink final : public Sink {
 public:
  struct Sent {
    std::string payload;
    std::string key;
    Headers headers;
    std::string id;
    std::string idempotency_key;
    std::string content_type;
    std::string routing_key;
    std::string traceparent;
    std::int64_t timestamp_ms = 0;
    std::optional<std::chrono::milliseconds> time_to_live;
    std::optional<std::uint8_t> priority;
    PendingPublish* pending = nullptr;
  };

  explicit FakeSink(std::shared_ptr<ConfirmWindow> window) : window_(std::move(window)) {}

  /// Whether publishes are confirmed at once; otherwise they wait in `sent()`.
  bool confirms = true;
  /// Refuses every message.
  std::optional<Error> refusal;

  Result<void> publish(Outbound const& message, PendingPublish& pending) override {
    if (refusal) return *refusal;
    {
      std::lock_guard const lock(mutex_);
      sent_.push_back({std::string(message.payload), std::string(message.key), *message.headers,
                       std::string(message.id), std::string(message.idempotency_key), std::string(message.content_type),
                       std::string(message.routing_key), std::string(message.traceparent), message.timestamp_ms,
                       message.time_to_live, message.priority, &pending});
      added_.notify_all();
    }
    if (confirms) confirm(&pending);
    return {};
  }
  void confirm(PendingPublish* pending) {
    CompletionBatch batch;
    batch.confirm(*pending, 2, 40);
    window_->complete(batch);
  }
  [[nodiscard]] std::vector<Sent> sent() {
    std::lock_guard const lock(mutex_);
    return sent_;
  }
  [[nodiscard]] bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return added_.wait_for(lock, std::chrono::seconds(20), [&] { return sent_.size() >= count; });
  }

 private:
  std::shared_ptr<ConfirmWindow> const window_;
  std::mutex mutex_;
  std::condition_variable added_;
  std::vector<Sent> sent_;
};

}  // namespace fairlead::test
