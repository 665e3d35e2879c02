#include "kafka/handover.hpp"
#include "kafka/kafka_error.hpp"
#include "kafka/kafka_source.hpp"

#include <algorithm>
#include <utility>

// The part of KafkaSource that holds delayed retries back. A retry partition is not paused while its head waits, which
// would throw away what was fetched of it: its queue is just not read, and is bounded by queued.max.messages.kbytes.
namespace fairlead::kafka {

bool KafkaSource::deliver_due(Intake::Room& room) {
  if (setup_.retries.empty()) return false;
  auto const now = Instant::now();
  Handover due(intake_);
  for (std::size_t id = 0; id < lanes_.size(); ++id) {
    auto& lane = lanes_[id];
    if (!lane.is_open || !lane.retry) continue;
    auto& line = lane.retry->line;
    auto const head_is_due = [&] {
      return (line.is_holding() || hold_next(id, now)) && line.wait(now) == Clock::duration::zero();
    };
    while (room && head_is_due()) {
      auto message = line.take();
      --room.messages;
      room.bytes -= std::min(room.bytes, message->payload.size() + message->key.size());
      due.add(std::move(message));
    }
  }
  bool const any = due.size() > 0;
  due.deliver();
  return any;
}

bool KafkaSource::hold_next(std::size_t id, Instant now) {
  auto& lane = lanes_[id];
  auto* const queue = lane.retry->queue.get();
  rd_kafka_message_t* message = nullptr;
  while (rd_kafka_queue_length(queue) > 0 && rd_kafka_consume_batch_queue(queue, 0, &message, 1) == 1) {
    consumer_->hold(1);
    BufferRef buffer(message, KafkaConsumer::release_message);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      report_unreadable(*message);
      continue;
    }
    if (message->offset <= lane.last)
      restart_lane(static_cast<std::int32_t>(id), message->offset);  // as in deliver_fresh
    lane.last = message->offset;
    NodePtr node(&intake_.acquire(), Discard{&intake_});
    fill(*node, *message, {static_cast<std::int32_t>(id), lane.epoch});
    node->buffer = std::move(buffer);
    auto const due_at_ms = node->due_at_ms;
    lane.retry->line.hold(std::move(node), due_at_ms, now);
    return true;
  }
  return false;
}

std::optional<KafkaSource::Clock::time_point> KafkaSource::next_due() const {
  std::optional<Clock::time_point> first;
  auto const now = Instant::now();
  for (auto const& lane : lanes_) {
    if (!lane.is_open || !lane.retry || !lane.retry->line.is_holding()) continue;
    auto const due = now.steady + lane.retry->line.wait(now);
    if (!first || due < *first) first = due;
  }
  return first;
}

}  // namespace fairlead::kafka
