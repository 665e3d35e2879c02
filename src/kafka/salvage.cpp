#include "kafka/salvage.hpp"

#include "kafka/kafka_error.hpp"
#include "kafka/outbound_headers.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

namespace fairlead::kafka {
namespace {

constexpr std::array kFailuresOfTheHandle{
    RD_KAFKA_RESP_ERR__FATAL,
    RD_KAFKA_RESP_ERR__PURGE_QUEUE,
    RD_KAFKA_RESP_ERR__PURGE_INFLIGHT,
    RD_KAFKA_RESP_ERR__INCONSISTENT,
    RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE,
    RD_KAFKA_RESP_ERR__TRANSPORT,
    RD_KAFKA_RESP_ERR__RETRY,
    RD_KAFKA_RESP_ERR__DESTROY,
    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
    RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
    RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
    RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING,
    RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
};

void* bytes_of(std::string_view view) noexcept { return const_cast<char*>(view.empty() ? "" : view.data()); }

Error end_of(Unfinished const& message, rd_kafka_resp_err_t code) {
  auto error = to_error(code, "publishing to topic '" + message.topic->name + "'");
  error.maybe_applied = message.pending->maybe_applied;
  return error;
}

}  // namespace

bool Salvage::is_worth_another_try(rd_kafka_resp_err_t code) noexcept {
  return std::find(kFailuresOfTheHandle.begin(), kFailuresOfTheHandle.end(), code) != kFailuresOfTheHandle.end();
}

Unfinished Unfinished::copy_of(Outbound const& message, ProducerTopic const& topic, PendingPublish& pending) {
  Unfinished copy;
  copy.pending = &pending;
  copy.topic = &topic;
  copy.bytes = std::make_unique<char[]>(message.payload.size() + message.key.size());
  char* const key = std::copy(message.payload.begin(), message.payload.end(), copy.bytes.get());
  std::copy(message.key.begin(), message.key.end(), key);
  copy.payload = {copy.bytes.get(), message.payload.size()};
  copy.key = {key, message.key.size()};
  if (has_headers(message)) copy.headers = make_headers(message);
  return copy;
}

Unfinished Unfinished::of(rd_kafka_message_t& message, ProducerTopic const& topic) {
  Unfinished found;
  found.pending = static_cast<PendingPublish*>(message._private);
  found.topic = &topic;
  found.payload = {static_cast<char const*>(message.payload), message.len};
  found.key = {static_cast<char const*>(message.key), message.key_len};
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_detach_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) found.headers.reset(headers);
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  auto const timestamp = rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) found.timestamp_ms = timestamp;
  return found;
}

void Salvage::publish_again(ProducerHandle const& handle, Clock::time_point now, CompletionBatch& batch) {
  std::sort(messages_.begin(), messages_.end(),
            [](Unfinished const& a, Unfinished const& b) { return a.pending->sequence < b.pending->sequence; });
  auto next = messages_.begin();
  for (; next != messages_.end(); ++next) {
    auto code = RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
    if (next->pending->deadline > now) code = produce(handle, *next);
    if (code == RD_KAFKA_RESP_ERR__FATAL) break;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) batch.fail(*next->pending, end_of(*next, code));
  }
  messages_.erase(messages_.begin(), next);
  held_ = 0;  // by that handle
  if (messages_.empty()) reports_.clear();
}

void Salvage::fail(Error const& error, CompletionBatch& batch) {
  for (auto const& message : messages_) {
    auto end = error;
    end.maybe_applied = message.pending->maybe_applied;
    batch.fail(*message.pending, std::move(end));
  }
  messages_.clear();
  reports_.clear();
  held_ = 0;
}

rd_kafka_resp_err_t produce(ProducerHandle const& handle, Unfinished& message) noexcept {
  std::array<rd_kafka_vu_t, 7> arguments{};
  auto next = arguments.begin();
  next->vtype = RD_KAFKA_VTYPE_RKT;
  (next++)->u.rkt = message.topic->current.get();
  next->vtype = RD_KAFKA_VTYPE_VALUE;
  (next++)->u.mem = {bytes_of(message.payload), message.payload.size()};
  next->vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  (next++)->u.i = RD_KAFKA_MSG_F_COPY;
  next->vtype = RD_KAFKA_VTYPE_OPAQUE;
  (next++)->u.ptr = message.pending;
  if (message.headers) {
    next->vtype = RD_KAFKA_VTYPE_HEADERS;
    (next++)->u.headers = message.headers.get();
  }
  if (!message.key.empty()) {
    next->vtype = RD_KAFKA_VTYPE_KEY;
    (next++)->u.mem = {bytes_of(message.key), message.key.size()};
  }
  if (message.timestamp_ms > 0) {
    next->vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    (next++)->u.i64 = message.timestamp_ms;
  }
  ErrorPtr const error(
      rd_kafka_produceva(handle.get(), arguments.data(), static_cast<std::size_t>(next - arguments.begin())));
  if (error) {
    return rd_kafka_error_is_fatal(error.get()) != 0 ? RD_KAFKA_RESP_ERR__FATAL : rd_kafka_error_code(error.get());
  }
  (void)message.headers.release();  // belong to the message now
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace fairlead::kafka
