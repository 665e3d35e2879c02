#pragma once

#include "core/event_fd.hpp"
#include "kafka/destroy.hpp"
#include "kafka/handles.hpp"

#include <fairlead/config.hpp>
#include <fairlead/result.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace fairlead::kafka {

class KafkaConsumer;
struct LetGo {
  void operator()(KafkaConsumer* consumer) const noexcept;
};
using KafkaConsumerPtr = std::unique_ptr<KafkaConsumer, LetGo>;

/// Stops a partition's queue from signalling, then lets go of it.
struct LeaveQueue {
  void operator()(rd_kafka_queue_t* queue) const noexcept;
};
using ApartQueuePtr = std::unique_ptr<rd_kafka_queue_t, LeaveQueue>;

/// A consumer handle with its queues, counted: it is held by its source and by every message handed out, because
/// rd_kafka_destroy would wait for those. Who lets go last starts the destruction, on a thread of its own.
///
/// The messages of assigned partitions are redirected into a queue of our own, or kept apart in their partition's. So
/// the source can stop taking them without pausing partitions, which would throw away what was fetched, while it goes
/// on serving rebalances.
class KafkaConsumer {
 public:
  /// `prepare` sets the callbacks; `wake` is signalled when one of the three queues is no longer empty.
  static Result<KafkaConsumerPtr> open(NativeOptions const& options, std::shared_ptr<EventFd> wake,
                                       std::function<void(rd_kafka_conf_t*)> const& prepare);
  KafkaConsumer(KafkaConsumer const&) = delete;
  KafkaConsumer& operator=(KafkaConsumer const&) = delete;

  void hold(std::size_t count) noexcept { holders_->fetch_add(count, std::memory_order_relaxed); }
  void let_go() noexcept;
  /// A BufferRef::Release: destroys one message and lets go of its consumer.
  static void release_message(void* message) noexcept;

  [[nodiscard]] rd_kafka_t* handle() const noexcept { return handle_; }
  [[nodiscard]] rd_kafka_queue_t* messages() const noexcept { return messages_.get(); }
  [[nodiscard]] rd_kafka_queue_t* commits() const noexcept { return commits_.get(); }
  /// Rebalances, errors, log lines: what rd_kafka_consumer_poll serves.
  [[nodiscard]] rd_kafka_queue_t* control() const noexcept { return control_.get(); }
  [[nodiscard]] Destruction destruction() const { return destruction_; }
  /// How many hold the consumer; may be read when it is gone.
  [[nodiscard]] std::shared_ptr<std::atomic<std::size_t> const> holders() const { return holders_; }

  /// Sends what is fetched of this partition to `messages()`.
  Result<void> redirect(std::string const& topic, std::int32_t partition);
  /// Lets what is fetched of this partition wait in the queue that is answered, which signals `wake()` as well. To be
  /// let go of before the consumer closes.
  Result<ApartQueuePtr> keep_apart(std::string const& topic, std::int32_t partition);

 private:
  explicit KafkaConsumer(std::shared_ptr<EventFd> wake) noexcept : wake_(std::move(wake)) {}
  ~KafkaConsumer() = default;

  rd_kafka_t* handle_ = nullptr;
  QueuePtr messages_;
  QueuePtr commits_;
  QueuePtr control_;
  std::shared_ptr<EventFd> const wake_;  // librdkafka writes to it until the very end
  std::shared_ptr<std::atomic<std::size_t>> const holders_ = std::make_shared<std::atomic<std::size_t>>(1);
  Destruction destruction_;
};

}  // namespace fairlead::kafka
