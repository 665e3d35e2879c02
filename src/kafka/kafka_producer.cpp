#include "kafka/kafka_producer.hpp"

#include "kafka/client_watch.hpp"
#include "kafka/kafka_admin.hpp"
#include "kafka/kafka_error.hpp"
#include "kafka/kafka_log.hpp"
#include "kafka/outbound_headers.hpp"
#include "kafka/version_gates.hpp"
#include "observe/logging.hpp"
#include "observe/redact.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace fairlead::kafka {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSafetyTick{1'000};
constexpr int kReportsPerLock = 1'024;
constexpr milliseconds kConnectSlice{250};
constexpr milliseconds kProbeTime{100};
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
  if (error) {
    return rd_kafka_error_is_fatal(error.get()) != 0 ? RD_KAFKA_RESP_ERR__FATAL : rd_kafka_error_code(error.get());
  }
  (void)headers.release();  // belongs to the message now
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace

KafkaProducer::KafkaProducer(ProducerSetup setup) : setup_(std::move(setup)), backoff_(setup_.backoff, random_seed()) {}

Result<std::shared_ptr<KafkaProducer>> KafkaProducer::open(ProducerSetup setup) {
  std::shared_ptr<KafkaProducer> producer(new KafkaProducer(std::move(setup)));
  auto conf = producer->setup_.make_conf();
  if (!conf) return std::move(conf).error();
  auto handle = ProducerHandle::open(*std::move(conf));
  if (!handle) return std::move(handle).error();
  producer->handle_ = *std::move(handle);
  producer->thread_ = Thread("fl-kafka-pub", [self = producer.get()] { self->serve(); });
  return producer;
}

KafkaProducer::~KafkaProducer() { (void)close(Clock::now()); }

std::shared_ptr<rd_kafka_t> KafkaProducer::client() {
  std::lock_guard const lock(mutex_);
  return handle_ ? handle_->share() : nullptr;
}

bool KafkaProducer::is_closed() {
  std::lock_guard const lock(mutex_);
  return closed_;
}

BrokerHealth KafkaProducer::health() const {
  auto health = connection_.get();
  std::lock_guard const lock(mutex_);
  if (rebuilding_) health.state = ConnectionState::kConnecting;
  if (rebuilding_ && !health.problem) health.problem = to_error(RD_KAFKA_RESP_ERR__FATAL, "publishing");
  health.reconnects += rebuilds_;
  return health;
}

Result<void> KafkaProducer::wait_connected(std::string const& addresses, Clock::time_point deadline) {
  auto const handle = client();
  for (;;) {
    rd_kafka_metadata_t const* raw = nullptr;
    // In slices, because a refused password is known long before the deadline.
    auto const slice = std::min(deadline, Clock::now() + kConnectSlice);
    auto const code = rd_kafka_metadata(handle.get(), 0, nullptr, &raw, milliseconds_until(slice));
    MetadataPtr const metadata(raw);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      connection_.works();
      return {};
    }
    auto cause = connection_.last_error().value_or(to_error(code, "no answer"));
    bool const is_refused = cause.code == Errc::kAuthentication || cause.code == Errc::kTls;
    if (!(is_refused && connection_.all_down()) && Clock::now() < deadline) continue;
    cause.message = "no connection to Kafka at " + addresses + " within connection.connect_timeout: " + cause.message;
    if (!is_refused) {
      cause.code = Errc::kNotConnected;
      cause.message += " (a port with TLS needs kafkas://, one without kafka://)";
    }
    cause.maybe_applied = false;
    return cause;
  }
}

Result<ProducerTopic*> KafkaProducer::topic(std::string const& name) {
  std::lock_guard const lock(mutex_);
  if (closed_) return closed_error();
  auto& topic = topics_[name];
  if (!topic) topic = std::make_unique<ProducerTopic>(ProducerTopic{name, {}});
  if (!topic->current) topic->current.reset(rd_kafka_topic_new(handle_->get(), name.c_str(), nullptr));
  if (!topic->current) return to_error(rd_kafka_last_error(), "opening topic '" + name + "'");
  return topic.get();
}

Result<void> KafkaProducer::publish(ProducerTopic const& topic, Outbound const& message, PendingPublish& pending) {
  for (;;) {
    auto code = RD_KAFKA_RESP_ERR__FATAL;
    if (gate_.enter()) {
      code = has_headers(message) ? produce_with_headers(handle_->get(), topic.current.get(), message, pending)
                                  : produce(topic.current.get(), message, pending);
      gate_.leave();
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    if (code != RD_KAFKA_RESP_ERR__FATAL) return publish_error(code);
    if (auto waits = wait_in_line(topic, message, pending)) return *std::move(waits);
  }
}

Error KafkaProducer::publish_error(rd_kafka_resp_err_t code) {
  auto error = to_error(code, "publishing");
  error.maybe_applied = false;  // it was not even queued
  return error;
}

void KafkaProducer::serve() {
  while (!ending_.load(std::memory_order_acquire)) {
    serve(*handle_, handle_->poll(kSafetyTick));
    if (handle_->has_failed()) rebuild();
    look_after_retired();
    if (!is_closed()) probe();
  }
  fail_unfinished(closed_error());
}

void KafkaProducer::serve(ProducerHandle const& handle, EventPtr event) {
  switch (rd_kafka_event_type(event.get())) {
    case RD_KAFKA_EVENT_DR: take_reports(handle, std::move(event)); break;
    case RD_KAFKA_EVENT_ERROR: take_error(event.get()); break;
    case RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH: renew_login(handle.get()); break;
    case RD_KAFKA_EVENT_LOG: {
      char const* facility = nullptr;
      char const* text = nullptr;
      int severity = 0;
      if (rd_kafka_event_log(event.get(), &facility, &text, &severity) == 0) {
        write_log(*setup_.logger, severity, facility, text);
      }
      break;
    }
    default: break;
  }
}

void KafkaProducer::take_reports(ProducerHandle const& handle, EventPtr event) {
  CompletionBatch batch;
  int taken = 0;
  bool any_confirmed = false;
  auto const salvaged = salvage_.size();
  while (auto const* const message = rd_kafka_event_message_next(event.get())) {
    auto& pending = *static_cast<PendingPublish*>(message->_private);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset >= 0) {
      batch.confirm(pending, message->partition, message->offset);
      any_confirmed = true;
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      // "Implicitly acked by subsequent batch success": true only if the broker checks a producer's first sequence
      // number, which Kafka does not.
      publish_unwritten(handle, *message, batch);
    } else if (!salvage(handle, *message)) {
      batch.fail(pending, delivery_error(handle, *message));
    }
    if (++taken % kReportsPerLock == 0) setup_.window->complete(batch);
  }
  if (!batch.empty()) setup_.window->complete(batch);
  if (any_confirmed) {
    has_proved_itself_ = has_proved_itself_ || &handle == handle_.get();
    connection_.works();
  }
  if (salvage_.size() > salvaged) salvage_.keep(std::move(event), static_cast<std::size_t>(taken));
}

Error KafkaProducer::delivery_error(ProducerHandle const& handle, rd_kafka_message_t const& message) {
  auto const what = std::string("publishing to topic '") + rd_kafka_topic_name(message.rkt) + "'";
  bool const is_purged =
      message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  auto error = is_purged && handle.has_failed() && !is_closed()
                   ? to_error(RD_KAFKA_RESP_ERR__FATAL, what, handle.failure())
                   : to_error(message.err, what);
  error.maybe_applied = rd_kafka_message_status(&message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED ||
                        static_cast<PendingPublish*>(message._private)->maybe_applied;
  return error;
}

void KafkaProducer::take_error(rd_kafka_event_t* event) {
  auto const code = rd_kafka_event_error(event);
  if (rd_kafka_event_error_is_fatal(event) != 0) return;  // the handle is asked, which knows it first
  auto error = to_error(code, "connection to Kafka", rd_kafka_event_error_string(event));
  on_connection_error(handle_->get(), error);
  add_login_hint(error, handle_->get());
  log(*setup_.logger, LogLevel::kWarn, "connection", error.message,
      LogFields().add(log_field::kErrorType, to_string(error.code)).view());
  connection_.failed(std::move(error), code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN);
}

void KafkaProducer::probe() {
  if (!connection_.is_in_doubt() || Clock::now() < next_probe_) return;
  rd_kafka_metadata_t const* raw = nullptr;
  auto const code = rd_kafka_metadata(handle_->get(), 0, nullptr, &raw, static_cast<int>(kProbeTime.count()));
  MetadataPtr const metadata(raw);
  next_probe_ = Clock::now() + kSafetyTick;
  code == RD_KAFKA_RESP_ERR_NO_ERROR ? connection_.works() : connection_.is_unreachable();
}

Result<void> KafkaProducer::close(Clock::time_point deadline) {
  {
    std::lock_guard const lock(mutex_);
    if (std::exchange(closed_, true)) return {};
    if (!thread_.joinable()) return {};  // opening failed
  }
  gate_.close();
  {
    std::unique_lock lock(mutex_);
    rebuilt_.wait(lock, [this] { return !rebuilding_; });  // it looks whether it still should
  }
  auto const half_time = Clock::now() + (deadline - Clock::now()) / 2;
  if (rd_kafka_flush(handle_->get(), milliseconds_until(half_time)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    handle_->give_up();
    rd_kafka_flush(handle_->get(), std::max(milliseconds_until(deadline), static_cast<int>(kMomentToDestroy.count())));
  }
  ending_.store(true, std::memory_order_release);
  handle_->wake();
  thread_.join();
  auto const lost = handle_->unanswered();
  {
    std::lock_guard const lock(mutex_);
    for (auto const& [name, topic] : topics_) topic->current.reset();
    retire(std::exchange(handle_, nullptr));
  }
  end_retired(std::max(deadline, Clock::now() + kMomentToDestroy));
  if (lost > 0) {
    return Error{Errc::kTimeout, std::to_string(lost) + " publishes had no answer when the producer was closed", false,
                 true};
  }
  return {};
}

}  // namespace fairlead::kafka
