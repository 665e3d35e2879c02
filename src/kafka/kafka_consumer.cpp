#include "kafka/kafka_consumer.hpp"

#include "kafka/client_watch.hpp"
#include "kafka/kafka_conf.hpp"
#include "kafka/kafka_error.hpp"
#include "observe/redact.hpp"

#include <cstdint>
#include <utility>

namespace fairlead::kafka {
namespace {

void wake_on(rd_kafka_queue_t* queue, EventFd const& wake) {
  std::uint64_t const one = 1;
  rd_kafka_queue_io_event_enable(queue, wake.fd(), &one, sizeof one);
}

}  // namespace

void LeaveQueue::operator()(rd_kafka_queue_t* queue) const noexcept {
  rd_kafka_queue_io_event_enable(queue, -1, nullptr, 0);
  rd_kafka_queue_destroy(queue);
}

void LetGo::operator()(KafkaConsumer* consumer) const noexcept { consumer->let_go(); }

Result<KafkaConsumerPtr> KafkaConsumer::open(NativeOptions const& options, std::shared_ptr<EventFd> wake,
                                             std::function<void(rd_kafka_conf_t*)> const& prepare) {
  struct Delete {
    void operator()(KafkaConsumer* unopened) const noexcept { delete unopened; }
  };
  std::unique_ptr<KafkaConsumer, Delete> consumer(new KafkaConsumer(std::move(wake)));
  auto conf = make_conf(options, consumer.get());
  if (!conf) return std::move(conf).error();
  prepare(conf->get());
  char why[512];
  consumer->handle_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf->get(), why, sizeof why);
  if (consumer->handle_ == nullptr) {
    leave_behind(*std::move(conf));
    return Error{Errc::kInvalidConfig, "librdkafka refuses its configuration: " + redact(why)};
  }
  (void)conf->release();  // belongs to the handle now
  rd_kafka_set_log_queue(consumer->handle_, nullptr);
  rd_kafka_poll_set_consumer(consumer->handle_);
  consumer->messages_.reset(rd_kafka_queue_new(consumer->handle_));
  consumer->commits_.reset(rd_kafka_queue_new(consumer->handle_));
  consumer->control_.reset(rd_kafka_queue_get_consumer(consumer->handle_));
  for (auto* queue : {consumer->messages(), consumer->commits(), consumer->control()}) wake_on(queue, *consumer->wake_);
  return KafkaConsumerPtr(consumer.release());
}

void KafkaConsumer::let_go() noexcept {
  if (holders_->fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  try {
    destruction_.start([this] {
      messages_.reset();
      commits_.reset();
      control_.reset();
      rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);  // the source has closed it
      delete this;
    });
  } catch (...) {
    // No thread to be had: the handle is left behind, and who waits for its destruction is told by the deadline.
  }
}

void KafkaConsumer::release_message(void* message) noexcept {
  auto* const taken = static_cast<rd_kafka_message_t*>(message);
  auto* const consumer = static_cast<KafkaConsumer*>(rd_kafka_topic_opaque(taken->rkt));
  rd_kafka_message_destroy(taken);
  consumer->let_go();
}

Result<void> KafkaConsumer::redirect(std::string const& topic, std::int32_t partition) {
  QueuePtr const fetched(rd_kafka_queue_get_partition(handle_, topic.c_str(), partition));
  if (!fetched) return to_error(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "taking partition of '" + topic + "'");
  rd_kafka_queue_forward(fetched.get(), messages());
  return {};
}

Result<ApartQueuePtr> KafkaConsumer::keep_apart(std::string const& topic, std::int32_t partition) {
  ApartQueuePtr apart(rd_kafka_queue_get_partition(handle_, topic.c_str(), partition));
  if (!apart) return to_error(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "taking partition of '" + topic + "'");
  rd_kafka_queue_forward(apart.get(), nullptr);  // it would go to the control queue
  wake_on(apart.get(), *wake_);
  return apart;
}

}  // namespace fairlead::kafka
