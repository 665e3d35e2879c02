#include "kafka/kafka_error.hpp"
#include "kafka/kafka_source.hpp"

#include <algorithm>
#include <utility>

// The part of KafkaSource that takes messages from librdkafka.
namespace fairlead::kafka {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{256} << 10;

/// Gives back what was not handed over, whatever happens in between.
class TakenBatch {
 public:
  TakenBatch(Intake& intake, rd_kafka_message_t** messages, std::size_t size) noexcept
      : intake_(intake), messages_(messages), size_(size) {}
  ~TakenBatch() {
    while (next_ < size_) (void)next();
    while (auto* const node = nodes_.pop()) intake_.discard(*node);
  }
  TakenBatch(TakenBatch const&) = delete;
  TakenBatch& operator=(TakenBatch const&) = delete;

  [[nodiscard]] bool has_next() const noexcept { return next_ < size_; }
  [[nodiscard]] BufferRef next() noexcept { return {messages_[next_++], KafkaConsumer::release_message}; }
  Inbound& new_node() {
    auto& node = intake_.acquire();
    nodes_.push(node);
    return node;
  }
  void deliver() {
    if (nodes_.size > 0) intake_.deliver(std::exchange(nodes_, {}));
  }

 private:
  Intake& intake_;
  rd_kafka_message_t** messages_;
  std::size_t size_;
  std::size_t next_ = 0;
  InboundList nodes_;
};

std::string_view view(void const* bytes, std::size_t size) noexcept { return {static_cast<char const*>(bytes), size}; }

}  // namespace

bool KafkaSource::deliver() {
  if (intake_stopped_.load(std::memory_order_acquire)) return false;
  auto const room = intake_.room();
  if (!room) return false;
  auto const by_bytes = std::max<std::size_t>(1, std::min(kBatchBytes, room.bytes) / average_bytes_);
  auto const wanted = std::min({kBatchMessages, room.messages, by_bytes});
  auto const taken = rd_kafka_consume_batch_queue(consumer_->messages(), 0, batch_.data(), wanted);
  if (taken <= 0) return false;

  auto const count = static_cast<std::size_t>(taken);
  consumer_->hold(count);
  TakenBatch batch(intake_, batch_.data(), count);
  std::size_t bytes = 0;
  for (std::size_t i = 0; batch.has_next(); ++i) {
    auto& message = *batch_[i];
    BufferRef buffer = batch.next();
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      intake_.report(to_error(message.err, "reading '" + setup_.topic + "'", rd_kafka_message_errstr(&message)));
      continue;
    }
    auto const partition = static_cast<std::size_t>(message.partition);
    if (partition >= lanes_.size()) continue;
    auto& lane = lanes_[partition];
    // What an assignment that has ended left behind.
    if (!lane.is_open || message.offset <= lane.last) continue;
    lane.last = message.offset;
    bytes += message.len + message.key_len;
    auto& node = batch.new_node();
    fill(node, message, lane);
    node.buffer = std::move(buffer);
  }
  batch.deliver();
  // Keeps batches near kBatchBytes: a batch that outgrows the cache costs a quarter of the speed.
  average_bytes_ = std::max<std::size_t>(1, (average_bytes_ * 3 + bytes / count) / 4);
  waker_->look(average_bytes_);
  return true;
}

void KafkaSource::fill(Inbound& node, rd_kafka_message_t& message, LaneState const& lane) {
  node.lane = {message.partition, lane.epoch};
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
