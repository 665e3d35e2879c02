#pragma once

#include "core/gate.hpp"
#include "core/thread.hpp"
#include "kafka/handles.hpp"
#include "publish/confirm_window.hpp"
#include "publish/sink.hpp"

#include <fairlead/health.hpp>
#include <fairlead/logger.hpp>
#include <fairlead/result.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace fairlead::kafka {

/// The one producer handle of a broker and the thread that takes its delivery reports. Sinks share it and may outlive
/// the broker: after `close` they answer kClosed. Thread-safe.
///
/// A handle that has failed for good (rd_kafka_fatal_error) stays: publishes answer why. `handle_` and `topics_` are
/// used only inside `gate_`, which is what a rebuild of the handle would close and open again.
class KafkaProducer {
 public:
  using Clock = std::chrono::steady_clock;

  static Result<std::shared_ptr<KafkaProducer>> open(ConfPtr conf, std::shared_ptr<ConfirmWindow> window,
                                                     std::shared_ptr<Logger> logger);
  ~KafkaProducer();
  KafkaProducer(KafkaProducer const&) = delete;
  KafkaProducer& operator=(KafkaProducer const&) = delete;

  /// Waits until a broker has answered; else says why none did.
  Result<void> wait_connected(std::string const& addresses, Clock::time_point deadline);

  /// For administration; null after `close`. Who holds it keeps the handle alive.
  [[nodiscard]] std::shared_ptr<rd_kafka_t> client();
  [[nodiscard]] BrokerHealth health() const;

  /// The topic object to publish with; lives as long as the producer is open.
  Result<rd_kafka_topic_t*> topic(std::string const& name);
  Result<void> publish(rd_kafka_topic_t* topic, Outbound const& message, PendingPublish& pending);

  /// Waits for what is under way, gives up the rest with its honest status, ends the thread, destroys the handle.
  /// Afterwards every publish it took has been completed. Never blocks past the deadline by more than a moment.
  Result<void> close(Clock::time_point deadline);

 private:
  KafkaProducer(std::shared_ptr<ConfirmWindow> window, std::shared_ptr<Logger> logger);

  void serve();
  void take_reports(rd_kafka_event_t* event);
  void take_error(rd_kafka_event_t* event);
  Error delivery_error(rd_kafka_message_t const& message);
  Error publish_error(rd_kafka_resp_err_t code);

  std::shared_ptr<ConfirmWindow> const window_;
  std::shared_ptr<Logger> const logger_;
  Gate gate_;
  std::shared_ptr<rd_kafka_t> handle_;
  QueuePtr events_;
  Thread thread_;
  std::atomic<bool> ending_{false};

  std::mutex mutable mutex_;  // of what follows
  std::map<std::string, TopicPtr, std::less<>> topics_;
  bool closed_ = false;
  std::optional<Error> fatal_;
  std::optional<Error> connection_error_;
  bool all_down_ = false;
};

}  // namespace fairlead::kafka
