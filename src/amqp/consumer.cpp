#include "amqp/consumer.hpp"

#include "amqp/amqp_error.hpp"
#include "amqp/connection.hpp"
#include "amqp/properties.hpp"
#include "amqp/topology.hpp"
#include "core/ids.hpp"
#include "core/seeded_fault.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

namespace fairlead::amqp {

namespace {

// A queue that was deleted and declared again by somebody is found again within the larger of these.
constexpr BackoffPolicy kReopen{std::chrono::milliseconds{200}, std::chrono::milliseconds{2'000}, 2.0};
constexpr std::chrono::seconds kStable{5};
// RabbitMQ does not always say that a consumer is gone: a quorum queue that is deleted and declared again at once
// keeps silent. A consumer that hears nothing therefore asks now and then.
constexpr std::chrono::seconds kCheckInterval{5};

bool is_anonymous(SourceSpec const& spec) noexcept {
  return spec.group.name.empty() && spec.destination.kind == DestinationPlan::Kind::kDestination;
}

/// From the first settlement to the ack of an idle consumer. The rest of the interval is for the way to the I/O thread
/// and to the broker.
std::chrono::microseconds ack_delay(SettleConfig const& settle) noexcept {
  return std::chrono::microseconds(settle.interval) * 2 / 5;
}

std::uint16_t prefetch_of(SourceSpec const& spec) noexcept {
  auto const share = spec.config.max_in_flight / Consumer::queue_count(spec);
  return static_cast<std::uint16_t>(std::clamp(share, 1, 65'535));
}

}  // namespace

std::int32_t Consumer::queue_count(SourceSpec const& spec) noexcept {
  bool const is_partitioned = !spec.group.name.empty() && spec.destination.kind == DestinationPlan::Kind::kDestination;
  return is_partitioned ? spec.destination.config.partitions : 1;
}

Consumer::Consumer(std::shared_ptr<SourceSpec const> spec, std::shared_ptr<Feed> feed, std::shared_ptr<Mailbox> mailbox,
                   std::int32_t partition)
    : spec_(std::move(spec)),
      feed_(std::move(feed)),
      mailbox_(std::move(mailbox)),
      partition_(partition),
      prefetch_(prefetch_of(*spec_)),
      ack_batch_(static_cast<std::uint64_t>(std::clamp(prefetch_ / 4, 1, std::max(spec_->config.settle.messages, 1)))),
      lane_{partition, 0},
      backoff_(kReopen, random_seed()) {}

void Consumer::settle(std::uint32_t epoch, std::int64_t position) noexcept {
  if (settlement_.settle(epoch, static_cast<std::uint64_t>(position), ack_batch_) == Settlement::Wake::kNo) return;
  mailbox_->raise(shared_from_this());
}

Script Consumer::opening() {
  auto const& plan = spec_->destination;
  Script script;
  if (is_anonymous(*spec_)) {
    // A new name each time: the broker may still hold the old queue for the connection that was lost.
    make_message_id(queue_);
    queue_ = plan.name + ".anonymous." + queue_;
    script = declare_anonymous_queue(plan, queue_);
  } else {
    queue_ = queue_name(plan, spec_->group.name, partition_);
    script = declare_group_queue(plan, spec_->group, partition_);
  }
  script.push_back(request_qos(prefetch_));
  script.push_back(request_consume(queue_, std::string_view(spec_->subscription).substr(0, kShortStringMax)));
  return script;
}

bool Consumer::wants_open() const noexcept { return !feed_->is_stopped && left_ == nullptr; }

void Consumer::on_open() {
  ++lane_.epoch;
  settlement_.restart(lane_.epoch);
  last_delivered_ = 0;
  ack_at_ = TimePoint::max();
  opened_at_ = connection().now();
  check_at_ = opened_at_ + kCheckInterval;
  plan_timer();
  is_lane_open_ = true;
  feed_->intake.open_lane(lane_);
  started_->set({});
  if (feed_->is_stopped) stop();
}

void Consumer::on_lost(Error const& error, bool with_connection) {
  lose_lane();
  if (left_ != nullptr) return finish({}, !with_connection);
  if (with_connection) return on_not_connected(error);
  started_->set(error);
  feed_->intake.report(error);
  reopen_later();
}

void Consumer::on_not_connected(Error const& error) {
  if (error.retryable) return started_->note(error);  // subscribes on the next connection
  started_->set(error);
}

void Consumer::on_closed() {
  if (left_ != nullptr) return finish({}, true);
  if (!feed_->is_stopped) reopen_later();
}

void Consumer::lose_lane() {
  feed_->flush();
  is_touched_ = false;
  if (std::exchange(is_lane_open_, false)) feed_->intake.lose_lane(lane_);
}

void Consumer::reopen_later() {
  auto const now = connection().now();
  if (now - opened_at_ >= kStable) backoff_.reset();
  bool const is_first = backoff_.failures() == 0;
  auto const delay = backoff_.next();
  reopen_at(is_first ? now : now + delay);
}

void Consumer::on_method(amqp_method_number_t method, void* fields) {
  bool const is_cancelled = method == AMQP_BASIC_CANCEL_METHOD;
  bool const is_unknown =
      method == AMQP_QUEUE_DECLARE_OK_METHOD && static_cast<amqp_queue_declare_ok_t*>(fields)->consumer_count == 0;
  if ((is_cancelled || is_unknown) && !feed_->is_stopped) resubscribe();
}

void Consumer::resubscribe() {
  lose_lane();
  feed_->intake.report(
      {Errc::kConnectionLost,
       "the broker has dropped the consumer of '" + queue_ + "': its queue was deleted or moved; subscribing again",
       true, false, 0});
  close();
}

void Consumer::on_content(Content content) {
  void* decoded = nullptr;
  if (content.method != AMQP_BASIC_DELIVER_METHOD ||
      amqp_decode_method(content.method, connection().pool().get(), to_bytes(content.fields), &decoded) !=
          AMQP_STATUS_OK) {
    return connection().fail(protocol_error("malformed basic.deliver"));
  }
  // What arrives after the stop stays unacked and goes back to the queue when the channel is closed.
  if (!is_lane_open_ || feed_->is_stopped.load(std::memory_order_relaxed)) return;
  auto const& delivery = *static_cast<amqp_basic_deliver_t*>(decoded);
  auto& message = feed_->intake.acquire();
  if (!fill(message, delivery, content)) {
    feed_->intake.discard(message);
    return connection().fail(protocol_error("malformed message properties"));
  }
  is_idle_ = false;
  last_delivered_ = delivery.delivery_tag;
  if (is_seeded(SeededFault::kAckBeforeHandler)) settle(lane_.epoch, message.position);
  feed_->batch.push(message);
  if (!std::exchange(is_touched_, true)) connection().call_at_read_end(*this);
}

bool Consumer::fill(Inbound& message, amqp_basic_deliver_t const& delivery, Content& content) const {
  Properties properties;
  if (!read_properties(content.properties, properties)) return false;
  message.lane = lane_;
  message.position = static_cast<std::int64_t>(delivery.delivery_tag);
  message.partition = partition_;
  message.redelivered = delivery.redelivered != 0;
  message.payload = content.body;
  message.timestamp_ms = static_cast<std::int64_t>(properties.timestamp_s) * 1000;
  message.priority = properties.priority;
  take_routing_key(message, delivery);
  if (!take_headers(properties.headers, message)) return false;
  if (!properties.message_id.empty()) message.id = properties.message_id;
  if (!properties.content_type.empty()) message.content_type = properties.content_type;
  if (!is_seeded(SeededFault::kEarlyBufferRelease)) message.buffer = std::move(content.buffer);
  return true;
}

void Consumer::take_routing_key(Inbound& message, amqp_basic_deliver_t const& delivery) const {
  if (delivery.exchange.len == 0) return;  // a dead letter or a retry: the original one, if any, is among the headers
  auto const& plan = spec_->destination;
  auto const routing_key = to_view(delivery.routing_key);
  message.routing_key = routing_key;
  if (plan.config.partitions <= 1) return;
  auto const dot = routing_key.rfind('.');
  auto const last = routing_key.substr(dot == routing_key.npos ? 0 : dot + 1);
  std::int32_t partition = 0;
  auto const [end, status] = std::from_chars(last.data(), last.data() + last.size(), partition);
  if (status != std::errc{} || end != last.data() + last.size()) return;  // not published by Fairlead
  message.partition = partition;
  message.routing_key = routing_key.substr(0, dot == routing_key.npos ? 0 : dot);
}

void Consumer::on_read_end() {
  is_touched_ = false;
  feed_->flush();
}

void Consumer::on_raised() {
  if (!is_open()) return;
  if (settlement_.is_urgent() || feed_->is_stopped) return acknowledge();
  if (ack_at_ != TimePoint::max()) return;
  ack_at_ = connection().now() + ack_delay(spec_->config.settle);
  plan_timer();
}

void Consumer::plan_timer() { set_timer(std::min(ack_at_, check_at_)); }

void Consumer::on_timer(TimePoint now) {
  if (left_ != nullptr) {
    return finish(
        Error{Errc::kTimeout, "the broker did not confirm the end of the subscription in time", true, true, 0}, false);
  }
  if (!is_open()) return;
  if (ack_at_ <= now) acknowledge();
  if (check_at_ <= now) check_queue();
  if (is_open()) plan_timer();
}

void Consumer::check_queue() {
  check_at_ = connection().now() + kCheckInterval;
  if (std::exchange(is_idle_, true) && !feed_->is_stopped) ask(request_queue_state(queue_));
}

void Consumer::acknowledge() {
  ack_at_ = TimePoint::max();
  if (feed_->is_stopped && is_seeded(SeededFault::kCloseWithoutAcks)) return close();
  if (auto const tag = settlement_.take(); tag != 0) {
    amqp_basic_ack_t ack{tag, 1};
    send(AMQP_BASIC_ACK_METHOD, &ack);
  }
  if (feed_->is_stopped) hand_over_when_settled();
}

void Consumer::stop() {
  if (!is_open()) return;
  // A single active consumer keeps its place until its messages are settled: the next one would otherwise begin with
  // later messages of a key while a handler here still works on an earlier one.
  bool const keeps_order = spec_->group.ordering != Ordering::kNone && !is_anonymous(*spec_) &&
                           spec_->destination.kind == DestinationPlan::Kind::kDestination;
  if (!keeps_order) {
    amqp_basic_cancel_t cancel{};
    cancel.consumer_tag = to_bytes(std::string_view(spec_->subscription).substr(0, kShortStringMax));
    cancel.nowait = 1;
    send(AMQP_BASIC_CANCEL_METHOD, &cancel);
  }
  acknowledge();
}

void Consumer::hand_over_when_settled() {
  // What is acked counts, not what is settled: a worker may have settled the last message since it was asked.
  if (left_ == nullptr && settlement_.taken() >= last_delivered_) close();
}

void Consumer::leave(TimePoint deadline, std::shared_ptr<Waiter> done) {
  feed_->is_stopped = true;
  left_ = std::move(done);
  if (is_open()) acknowledge();
  close();
  if (left_ != nullptr) set_timer(deadline);
}

void Consumer::finish(Result<void> result, bool is_closed) {
  is_lane_open_ = false;
  if (is_attached()) connection().detach(*this, is_closed);
  std::exchange(left_, nullptr)->set(std::move(result));
}

}  // namespace fairlead::amqp
