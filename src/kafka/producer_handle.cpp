#include "kafka/producer_handle.hpp"

#include "kafka/client_watch.hpp"
#include "observe/redact.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace fairlead::kafka {

Result<std::unique_ptr<ProducerHandle>> ProducerHandle::open(ConfPtr conf) {
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
  char why[512];
  rd_kafka_t* const handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), why, sizeof why);
  if (handle == nullptr) {
    leave_behind(std::move(conf));
    return Error{Errc::kInvalidConfig, "librdkafka refuses its configuration: " + redact(why)};
  }
  (void)conf.release();  // belongs to the handle now
  std::unique_ptr<ProducerHandle> opened(new ProducerHandle());
  opened->handle_.reset(handle, [destruction = opened->destruction_](rd_kafka_t* last) mutable {
    try {
      destruction.start([last] { rd_kafka_destroy(last); });
    } catch (...) {
      // No thread to be had: the handle is left behind, and who waits for its destruction is told by the deadline.
    }
  });
  rd_kafka_set_log_queue(handle, nullptr);
  opened->events_.reset(rd_kafka_queue_get_main(handle));
  return opened;
}

EventPtr ProducerHandle::poll(std::chrono::milliseconds patience) const noexcept {
  auto const ms = std::max<std::int64_t>(0, patience.count());
  return EventPtr(rd_kafka_queue_poll(events_.get(), static_cast<int>(ms)));
}

bool ProducerHandle::has_failed() const noexcept {
  return rd_kafka_fatal_error(handle_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

std::string ProducerHandle::failure() const {
  std::array<char, 512> why{};
  rd_kafka_fatal_error(handle_.get(), why.data(), why.size());
  return redact(why.data());
}

std::size_t ProducerHandle::unanswered() const noexcept {
  return static_cast<std::size_t>(std::max(0, rd_kafka_outq_len(handle_.get())));
}

void ProducerHandle::give_up() const noexcept {
  rd_kafka_purge(handle_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

}  // namespace fairlead::kafka
