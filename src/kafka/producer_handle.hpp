#pragma once

#include "kafka/destroy.hpp"
#include "kafka/handles.hpp"

#include <fairlead/result.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace fairlead::kafka {

/// A topic to publish to, whatever handle is in use; its address stays for as long as the producer lives.
struct ProducerTopic {
  std::string name;
  TopicPtr current;  // of the handle in use; changed only while no publisher is inside KafkaProducer's gate
};

/// One producer handle of librdkafka and its events. Thread-compatible.
class ProducerHandle {
 public:
  static Result<std::unique_ptr<ProducerHandle>> open(ConfPtr conf);
  ProducerHandle(ProducerHandle const&) = delete;
  ProducerHandle& operator=(ProducerHandle const&) = delete;

  [[nodiscard]] rd_kafka_t* get() const noexcept { return handle_.get(); }
  /// Who holds it keeps the handle alive, and every one may be the last: its destruction has a thread of its own.
  [[nodiscard]] std::shared_ptr<rd_kafka_t> share() const noexcept { return handle_; }
  [[nodiscard]] Destruction destruction() const { return destruction_; }

  [[nodiscard]] EventPtr poll(std::chrono::milliseconds patience) const noexcept;
  /// Lets a `poll` that waits return.
  void wake() const noexcept { rd_kafka_queue_yield(events_.get()); }

  /// After this error it takes nothing more and answers what it has (rd_kafka_fatal_error).
  [[nodiscard]] bool has_failed() const noexcept;
  [[nodiscard]] std::string failure() const;

  /// Publishes without a delivery report, and those whose report has not been destroyed.
  [[nodiscard]] std::size_t unanswered() const noexcept;
  /// Ends them: the reports that follow tell what was never sent from what may have arrived.
  void give_up() const noexcept;

 private:
  ProducerHandle() = default;

  Destruction destruction_;
  std::shared_ptr<rd_kafka_t> handle_;
  QueuePtr events_;  // let go of before the handle
};

}  // namespace fairlead::kafka
