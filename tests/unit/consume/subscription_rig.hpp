#pragma once

#include "consume/deduplicator.hpp"
#include "consume/subscription_core.hpp"
#include "core/thread.hpp"
#include "publish/confirm_window.hpp"
#include "publish/sink.hpp"
#include "support/wait.hpp"

#include <fairlead/logger.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::test {

/// What a source was asked to do; outlives it.
class SourceJournal {
 public:
  void settled(Lane lane, std::int64_t position);
  /// The highest position settled in that lane and epoch; 0 for none.
  [[nodiscard]] std::int64_t settled_up_to(Lane lane) const;
  std::atomic<int> room_calls{0};
  std::atomic<int> intake_stops{0};
  std::atomic<int> closes{0};
  std::atomic<int> seeks{0};
  std::atomic<bool> is_destroyed{false};

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::int32_t, std::uint32_t>, std::int64_t> settled_;
};

/// Keeps what is published to it; the test decides when and how a publish ends.
class HandDrivenSink final : public Sink {
 public:
  struct Published {
    std::string payload, key, id, idempotency_key, content_type, routing_key, traceparent;
    Headers headers;
    PendingPublish* pending = nullptr;
  };
  explicit HandDrivenSink(std::shared_ptr<ConfirmWindow> window) : window_(std::move(window)) {}

  Result<void> publish(Outbound const& message, PendingPublish& pending) override;
  [[nodiscard]] std::size_t published() const;
  [[nodiscard]] Published at(std::size_t index) const;
  void confirm(std::size_t index);
  void fail(std::size_t index);
  std::atomic<bool> refuses{false};

 private:
  std::shared_ptr<ConfirmWindow> window_;
  mutable std::mutex mutex_;
  std::vector<Published> published_;
};

class RecordingLogger final : public Logger {
 public:
  struct Record {
    LogLevel level;
    std::string logger, text;
    std::map<std::string, std::string> fields;
  };
  [[nodiscard]] bool is_enabled(std::string_view logger, LogLevel level) const noexcept override;
  void write(LogRecord const& record) noexcept override;
  [[nodiscard]] std::vector<Record> records(std::string_view logger) const;
  std::atomic<LogLevel> level{LogLevel::kDebug};

 private:
  mutable std::mutex mutex_;
  std::vector<Record> records_;
};

/// A subscription on a source that the test plays by hand.
class SubscriptionRig {
 public:
  struct Options {
    SubscriptionConfig config{};
    bool dead_letter = false;
    bool trace = true;
    bool can_seek = false;
    BatchHandler batch_handler{};
    std::shared_ptr<IdempotencyStore> store{};
    std::chrono::milliseconds close_timeout{10'000};
  };
  static constexpr Lane kLane{0, 1};

  /// Without any handler a Receiver may take the messages.
  SubscriptionRig(Options options, Handler handler);
  ~SubscriptionRig();

  struct Parts {
    std::string key{};
    std::string payload{};
    std::int64_t expires_at_ms = 0;
    std::vector<std::pair<std::string, std::string>> headers{};
  };
  /// As the source's thread: one batch, with the next positions of the lane.
  void deliver(std::vector<Parts> const& messages, Lane lane = kLane);
  void deliver_keys(std::vector<std::string> const& keys, Lane lane = kLane);

  [[nodiscard]] Intake& intake() { return core->intake(); }
  [[nodiscard]] SubscriptionStats stats() const { return core->stats(); }
  [[nodiscard]] SubscriptionHealth health() const { return core->health(); }
  [[nodiscard]] std::int64_t settled(Lane lane = kLane) const { return journal->settled_up_to(lane); }
  /// Delivered messages whose buffers are still held.
  [[nodiscard]] int buffers() const { return *buffers_; }
  void destroy() { core.reset(); }

  std::shared_ptr<SourceJournal> journal = std::make_shared<SourceJournal>();
  std::shared_ptr<RecordingLogger> logger = std::make_shared<RecordingLogger>();
  std::shared_ptr<ConfirmWindow> window = std::make_shared<ConfirmWindow>(100, std::size_t{1} << 20);
  std::shared_ptr<HandDrivenSink> dead_letters = std::make_shared<HandDrivenSink>(window);
  std::vector<std::shared_ptr<HandDrivenSink>> tiers;  // as many as the configuration names
  std::shared_ptr<SubscriptionCore> core;

 private:
  std::shared_ptr<std::atomic<int>> buffers_ = std::make_shared<std::atomic<int>>(0);
  std::map<std::int32_t, std::int64_t> positions_;
  Thread completions_;
};

[[nodiscard]] inline std::chrono::steady_clock::time_point in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

}  // namespace fairlead::test
