#pragma once

#include "core/gate.hpp"
#include "core/thread.hpp"
#include "kafka/connection_health.hpp"
#include "kafka/handles.hpp"
#include "kafka/producer_handle.hpp"
#include "kafka/salvage.hpp"
#include "publish/confirm_window.hpp"
#include "publish/sink.hpp"
#include "resilience/backoff.hpp"

#include <fairlead/health.hpp>
#include <fairlead/logger.hpp>
#include <fairlead/result.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::kafka {

struct ProducerSetup {
  std::function<Result<ConfPtr>()> make_conf;  // called again for each handle
  bool resends = true;                         // what a failed handle left unfinished, with the next one
  BackoffPolicy backoff;                       // of handles that fail before they have confirmed anything
  std::shared_ptr<ConfirmWindow> window;
  std::shared_ptr<Logger> logger;
};

/// The one producer of a broker and the thread that takes its delivery reports. Sinks share it and may outlive the
/// broker: after `close` they answer kClosed. Thread-safe.
///
/// A handle of librdkafka's may fail for good (rd_kafka_fatal_error). Then another is made: what is published meanwhile
/// waits in line, what the old one left unfinished goes first. Topics and the handle are used inside `gate_` only,
/// which is closed while they change.
class KafkaProducer {
 public:
  using Clock = std::chrono::steady_clock;

  static Result<std::shared_ptr<KafkaProducer>> open(ProducerSetup setup);
  ~KafkaProducer();
  KafkaProducer(KafkaProducer const&) = delete;
  KafkaProducer& operator=(KafkaProducer const&) = delete;

  /// Waits until a broker has answered; else says why none did.
  Result<void> wait_connected(std::string const& addresses, Clock::time_point deadline);

  /// For administration; null after `close`. Who holds it keeps the handle alive.
  [[nodiscard]] std::shared_ptr<rd_kafka_t> client();
  [[nodiscard]] BrokerHealth health() const;

  /// The topic to publish to; lives as long as the producer.
  Result<ProducerTopic*> topic(std::string const& name);
  Result<void> publish(ProducerTopic const& topic, Outbound const& message, PendingPublish& pending);

  /// Waits for what is under way, gives up the rest with its honest status, ends the thread, destroys the handle.
  /// Afterwards every publish it took has been completed. Never blocks past the deadline by more than a moment.
  Result<void> close(Clock::time_point deadline);

 private:
  /// A failed handle: it may still owe reports, and its destruction is watched.
  struct Retired {
    std::unique_ptr<ProducerHandle> handle;  // until it owes nothing more
    Destruction destruction;
    Clock::time_point until;
  };

  explicit KafkaProducer(ProducerSetup setup);
  [[nodiscard]] bool is_closed();

  // --- the thread ---
  void serve();
  void serve(ProducerHandle const& handle, EventPtr event);
  void take_reports(ProducerHandle const& handle, EventPtr event);
  void take_error(rd_kafka_event_t* event);
  /// Asks whether the cluster answers, while something failed since it last did.
  void probe();
  Error delivery_error(ProducerHandle const& handle, rd_kafka_message_t const& message);
  Error publish_error(rd_kafka_resp_err_t code);

  // --- kafka_producer_rebuild.cpp ---
  /// Nothing: the handle is sound, so try it (again). Else the message waits for the next one, or is refused.
  std::optional<Result<void>> wait_in_line(ProducerTopic const& topic, Outbound const& message,
                                           PendingPublish& pending);
  /// False: the message is not one for the next handle.
  bool salvage(ProducerHandle const& handle, rd_kafka_message_t const& message);
  /// One that librdkafka reports as written and that has no place in the log.
  void publish_unwritten(ProducerHandle const& handle, rd_kafka_message_t const& message, CompletionBatch& batch);
  void rebuild();
  /// Serves the failed handle until it owes nothing more.
  void settle_accounts();
  void wait_before_next_handle(std::chrono::milliseconds delay);
  /// Null: the producer is being closed.
  [[nodiscard]] std::unique_ptr<ProducerHandle> make_handle();
  void change_handle(std::unique_ptr<ProducerHandle> next);
  /// What the failed handle left and what waits in line. False: the new handle has failed as well.
  bool publish_unfinished();
  bool publish_line();
  void fail_late_in_line();
  void fail_unfinished(Error const& error);
  void retire(std::unique_ptr<ProducerHandle> old);
  void look_after_retired();
  void end_retired(Clock::time_point deadline);

  ProducerSetup const setup_;
  Gate gate_;
  std::unique_ptr<ProducerHandle> handle_;  // changed by the thread only, with mutex_ and no one inside the gate
  Thread thread_;
  std::atomic<bool> ending_{false};

  std::mutex mutable mutex_;  // of what follows
  std::map<std::string, std::unique_ptr<ProducerTopic>, std::less<>> topics_;
  bool closed_ = false;
  bool rebuilding_ = false;
  std::uint64_t rebuilds_ = 0;
  std::condition_variable rebuilt_;
  std::deque<Unfinished> line_;  // published while there was no sound handle

  ConnectionHealth connection_;

  // The thread's own.
  Clock::time_point next_probe_{};
  Salvage salvage_;
  std::vector<Retired> retired_;
  Backoff backoff_;
  bool has_proved_itself_ = true;  // the handle has confirmed something; the first one is trusted
};

}  // namespace fairlead::kafka
