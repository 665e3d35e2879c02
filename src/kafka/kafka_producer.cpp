#include "kafka/kafka_producer.hpp"

#include "kafka/certificate_cause.hpp"
#include "kafka/destroy.hpp"
#include "kafka/kafka_admin.hpp"
#include "kafka/kafka_error.hpp"
#include "kafka/kafka_log.hpp"
#include "kafka/outbound_headers.hpp"
#include "observe/logging.hpp"
#include "observe/redact.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace fairlead::kafka {
namespace {

using std::chrono::milliseconds;

constexpr int kSafetyTick = 1'000;
constexpr int kReportsPerLock = 1'024;
constexpr milliseconds kConnectSlice{250};
constexpr milliseconds kMomentToDestroy{200};

Error closed_error() { return {Errc::kClosed, "the broker is closed"}; }

/// A null payload would be a tombstone; an empty one is a message.
void* bytes_of(std::string_view view) noexcept { return const_cast<char*>(view.empty() ? "" : view.data()); }

rd_kafka_resp_err_t produce(rd_kafka_topic_t* topic, Outbound const& message, PendingPublish& pending) noexcept {
  auto const& key = message.key;
  int const failed = rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, bytes_of(message.payload),
                                      message.payload.size(), key.empty() ? nullptr : key.data(), key.size(), &pending);
  return failed == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
}

rd_kafka_resp_err_t produce_with_headers(rd_kafka_t* handle, rd_kafka_topic_t* topic, Outbound const& message,
                                         PendingPublish& pending) {
  // A prepared list, not RD_KAFKA_VTYPE_HEADER: below 2.12 those are freed twice when the topic does not exist.
  auto headers = make_headers(message);
  std::array<rd_kafka_vu_t, 6> arguments{};
  auto next = arguments.begin();
  next->vtype = RD_KAFKA_VTYPE_RKT;
  (next++)->u.rkt = topic;
  next->vtype = RD_KAFKA_VTYPE_VALUE;
  (next++)->u.mem = {bytes_of(message.payload), message.payload.size()};
  next->vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  (next++)->u.i = RD_KAFKA_MSG_F_COPY;
  next->vtype = RD_KAFKA_VTYPE_OPAQUE;
  (next++)->u.ptr = &pending;
  next->vtype = RD_KAFKA_VTYPE_HEADERS;
  (next++)->u.headers = headers.get();
  if (!message.key.empty()) {
    next->vtype = RD_KAFKA_VTYPE_KEY;
    (next++)->u.mem = {bytes_of(message.key), message.key.size()};
  }
  ErrorPtr const error(
      rd_kafka_produceva(handle, arguments.data(), static_cast<std::size_t>(next - arguments.begin())));
  if (error) return rd_kafka_error_code(error.get());
  (void)headers.release();  // belongs to the message now
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace

KafkaProducer::KafkaProducer(std::shared_ptr<ConfirmWindow> window, std::shared_ptr<Logger> logger)
    : window_(std::move(window)), logger_(std::move(logger)) {}

Result<std::shared_ptr<KafkaProducer>> KafkaProducer::open(ConfPtr conf, std::shared_ptr<ConfirmWindow> window,
                                                           std::shared_ptr<Logger> logger) {
  std::shared_ptr<KafkaProducer> producer(new KafkaProducer(std::move(window), std::move(logger)));
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
  char why[512];
  rd_kafka_t* const handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), why, sizeof why);
  if (handle == nullptr) return Error{Errc::kInvalidConfig, "librdkafka refuses its configuration: " + redact(why)};
  (void)conf.release();  // belongs to the handle now
  producer->handle_ = std::shared_ptr<rd_kafka_t>(handle, rd_kafka_destroy);
  rd_kafka_set_log_queue(handle, nullptr);
  producer->events_.reset(rd_kafka_queue_get_main(handle));
  producer->thread_ = Thread("fl-kafka-pub", [self = producer.get()] { self->serve(); });
  return producer;
}

KafkaProducer::~KafkaProducer() { (void)close(Clock::now()); }

std::shared_ptr<rd_kafka_t> KafkaProducer::client() {
  std::lock_guard const lock(mutex_);
  return handle_;
}

BrokerHealth KafkaProducer::health() const {
  std::lock_guard const lock(mutex_);
  if (fatal_) return {ConnectionState::kConnected, fatal_};
  return {all_down_ ? ConnectionState::kConnecting : ConnectionState::kConnected,
          all_down_ ? connection_error_ : std::nullopt};
}

Result<void> KafkaProducer::wait_connected(std::string const& addresses, Clock::time_point deadline) {
  auto const handle = client();
  for (;;) {
    rd_kafka_metadata_t const* raw = nullptr;
    // In slices, because a refused password is known long before the deadline.
    auto const slice = std::min(deadline, Clock::now() + kConnectSlice);
    auto const code = rd_kafka_metadata(handle.get(), 0, nullptr, &raw, milliseconds_until(slice));
    MetadataPtr const metadata(raw);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    std::lock_guard const lock(mutex_);
    auto cause = connection_error_.value_or(to_error(code, "no answer"));
    bool const is_refused = cause.code == Errc::kAuthentication || cause.code == Errc::kTls;
    if (!(is_refused && all_down_) && Clock::now() < deadline) continue;
    cause.message = "no connection to Kafka at " + addresses + " within connection.connect_timeout: " + cause.message;
    if (!is_refused) {
      cause.code = Errc::kNotConnected;
      cause.message += " (a port with TLS needs kafkas://, one without kafka://)";
    }
    cause.maybe_applied = false;
    return cause;
  }
}

Result<rd_kafka_topic_t*> KafkaProducer::topic(std::string const& name) {
  std::lock_guard const lock(mutex_);
  if (closed_) return closed_error();
  auto& topic = topics_[name];
  if (!topic) topic.reset(rd_kafka_topic_new(handle_.get(), name.c_str(), nullptr));
  if (!topic) return to_error(rd_kafka_last_error(), "opening topic '" + name + "'");
  return topic.get();
}

Result<void> KafkaProducer::publish(rd_kafka_topic_t* topic, Outbound const& message, PendingPublish& pending) {
  if (!gate_.enter()) return closed_error();
  auto const code = has_headers(message) ? produce_with_headers(handle_.get(), topic, message, pending)
                                         : produce(topic, message, pending);
  gate_.leave();
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return publish_error(code);
}

Error KafkaProducer::publish_error(rd_kafka_resp_err_t code) {
  std::lock_guard const lock(mutex_);
  auto error = fatal_.value_or(to_error(code, "publishing"));
  error.maybe_applied = false;  // it was not even queued
  return error;
}

void KafkaProducer::serve() {
  while (!ending_.load(std::memory_order_acquire)) {
    EventPtr const event(rd_kafka_queue_poll(events_.get(), kSafetyTick));
    switch (rd_kafka_event_type(event.get())) {
      case RD_KAFKA_EVENT_DR: take_reports(event.get()); break;
      case RD_KAFKA_EVENT_ERROR: take_error(event.get()); break;
      case RD_KAFKA_EVENT_LOG: {
        char const* facility = nullptr;
        char const* text = nullptr;
        int severity = 0;
        if (rd_kafka_event_log(event.get(), &facility, &text, &severity) == 0) {
          write_log(*logger_, severity, facility, text);
        }
        break;
      }
      default: break;
    }
  }
}

void KafkaProducer::take_reports(rd_kafka_event_t* event) {
  CompletionBatch batch;
  int taken = 0;
  while (auto const* const message = rd_kafka_event_message_next(event)) {
    auto& pending = *static_cast<PendingPublish*>(message->_private);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      batch.confirm(pending, message->partition, message->offset);
    } else {
      batch.fail(pending, delivery_error(*message));
    }
    if (++taken % kReportsPerLock == 0) window_->complete(batch);
  }
  if (!batch.empty()) window_->complete(batch);
}

Error KafkaProducer::delivery_error(rd_kafka_message_t const& message) {
  auto error = to_error(message.err, std::string("publishing to topic '") + rd_kafka_topic_name(message.rkt) + "'");
  if (message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
    std::lock_guard const lock(mutex_);
    if (fatal_ && !closed_) error = *fatal_;
  }
  error.maybe_applied = rd_kafka_message_status(&message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
  return error;
}

void KafkaProducer::take_error(rd_kafka_event_t* event) {
  auto const code = rd_kafka_event_error(event);
  bool const is_fatal = rd_kafka_event_error_is_fatal(event) != 0;
  auto error = to_error(code, is_fatal ? "the Kafka producer has failed for good" : "connection to Kafka",
                        rd_kafka_event_error_string(event));
  add_certificate_cause(error, handle_.get());
  log(*logger_, is_fatal ? LogLevel::kError : LogLevel::kWarn, is_fatal ? "kafka" : "connection", error.message,
      LogFields().add(log_field::kErrorType, to_string(error.code)).view());
  std::lock_guard const lock(mutex_);
  if (is_fatal) {
    // Queued messages are purged by librdkafka; what is in flight still gets its own answer.
    error.code = Errc::kInternal;
    error.retryable = false;
    fatal_ = std::move(error);
  } else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    all_down_ = true;  // says nothing about the cause, which came before
  } else {
    connection_error_ = std::move(error);
  }
}

Result<void> KafkaProducer::close(Clock::time_point deadline) {
  {
    std::lock_guard const lock(mutex_);
    if (std::exchange(closed_, true)) return {};
    if (!thread_.joinable()) return {};  // opening failed
  }
  gate_.close();
  auto const half_time = Clock::now() + (deadline - Clock::now()) / 2;
  if (rd_kafka_flush(handle_.get(), milliseconds_until(half_time)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    // The delivery reports that follow tell what was never sent from what may have arrived.
    rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    rd_kafka_flush(handle_.get(), std::max(milliseconds_until(deadline), static_cast<int>(kMomentToDestroy.count())));
  }
  int const lost = rd_kafka_outq_len(handle_.get());
  ending_.store(true, std::memory_order_release);
  rd_kafka_queue_yield(events_.get());
  thread_.join();

  events_.reset();
  Destruction destruction;
  {
    std::lock_guard const lock(mutex_);
    topics_.clear();
    destruction.start([handle = std::exchange(handle_, nullptr)]() mutable { handle.reset(); });
  }
  bool const destroyed = destruction.wait(std::max(deadline, Clock::now() + kMomentToDestroy));
  if (!destroyed) {
    log(*logger_, LogLevel::kWarn, "kafka",
        "librdkafka did not end in time: the producer handle and its threads are left behind");
  }
  if (lost > 0) {
    return Error{Errc::kTimeout, std::to_string(lost) + " publishes had no answer when the producer was closed", false,
                 true};
  }
  return {};
}

}  // namespace fairlead::kafka
