#include "core/seeded_fault.hpp"
#include "kafka/handover.hpp"
#include "kafka/kafka_error.hpp"
#include "kafka/kafka_source.hpp"

#include <algorithm>
#include <utility>

// The part of KafkaSource that takes messages from librdkafka.
namespace fairlead::kafka {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{256} << 10;

/// Releases what was taken and not looked at, whatever happens in between.
class TakenBatch {
 public:
  TakenBatch(rd_kafka_message_t** messages, std::size_t size) noexcept : messages_(messages), size_(size) {}
  ~TakenBatch() {
    while (next_ < size_) (void)next();
  }
  TakenBatch(TakenBatch const&) = delete;
  TakenBatch& operator=(TakenBatch const&) = delete;

  [[nodiscard]] bool has_next() const noexcept { return next_ < size_; }
  [[nodiscard]] BufferRef next() noexcept { return {messages_[next_++], KafkaConsumer::release_message}; }

 private:
  rd_kafka_message_t** messages_;
  std::size_t size_;
  std::size_t next_ = 0;
};

std::string_view view(void const* bytes, std::size_t size) noexcept { return {static_cast<char const*>(bytes), size}; }

}  // namespace

bool KafkaSource::deliver() {
  has_room_ = false;
  if (intake_stopped_.load(std::memory_order_acquire)) return false;
  auto room = intake_.room();
  if (!room) return false;
  has_room_ = true;
  due_first_ = !due_first_;
  bool any = due_first_ && deliver_due(room);
  if (room) any = deliver_fresh(room) || any;
  if (room && !due_first_) any = deliver_due(room) || any;
  return any;
}

bool KafkaSource::deliver_fresh(Intake::Room& room) {
  auto const by_bytes = std::max<std::size_t>(1, std::min(kBatchBytes, room.bytes) / average_bytes_);
  auto const wanted = std::min({kBatchMessages, room.messages, by_bytes});
  auto const taken = rd_kafka_consume_batch_queue(consumer_->messages(), 0, batch_.data(), wanted);
  if (taken <= 0) return false;

  auto const count = static_cast<std::size_t>(taken);
  consumer_->hold(count);
  TakenBatch batch(batch_.data(), count);
  Handover fresh(intake_);
  std::size_t bytes = 0;
  for (std::size_t i = 0; batch.has_next(); ++i) {
    auto& message = *batch_[i];
    BufferRef buffer = batch.next();
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      report_unreadable(message);
      continue;
    }
    auto const id = lanes_by_place_.find({kMainTopic, message.partition});
    if (!id) continue;
    auto& lane = lanes_[static_cast<std::size_t>(*id)];
    if (!lane.is_open) continue;  // what an assignment that has ended left behind
    if (message.offset <= lane.last) {
      // The position was lost and reading goes on from an earlier one, such as in a topic that was made anew.
      fresh.deliver();
      restart_lane(*id, message.offset);
    }
    lane.last = message.offset;
    bytes += message.len + message.key_len;
    auto& node = fresh.new_node();
    fill(node, message, {*id, lane.epoch});
    if (is_seeded(SeededFault::kAckBeforeHandler)) commits_.settle(node.lane, node.position, Clock::now());
    node.buffer = std::move(buffer);
  }
  room.messages -= std::min(room.messages, fresh.size());
  room.bytes -= std::min(room.bytes, bytes);
  fresh.deliver();
  // Keeps batches near kBatchBytes: a batch that outgrows the cache costs a quarter of the speed.
  average_bytes_ = std::max<std::size_t>(1, (average_bytes_ * 3 + bytes / count) / 4);
  waker_->look(average_bytes_);
  return true;
}

void KafkaSource::report_unreadable(rd_kafka_message_t const& message) {
  auto const* const topic = message.rkt != nullptr ? rd_kafka_topic_name(message.rkt) : setup_.topic.c_str();
  intake_.report(to_error(message.err, std::string("reading '") + topic + "'", rd_kafka_message_errstr(&message)));
}

void KafkaSource::fill(Inbound& node, rd_kafka_message_t& message, Lane lane) {
  node.lane = lane;
  node.position = message.offset;
  node.partition = message.partition;
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  auto const timestamp = rd_kafka_message_timestamp(&message, &type);
  node.timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? 0 : timestamp;
  node.payload = view(message.payload, message.len);
  node.key = view(message.key, message.key_len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  char const* name = nullptr;
  void const* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    node.take_header(name, view(value, size));
  }
}

}  // namespace fairlead::kafka
