#include "amqp/publish_channel.hpp"

#include "amqp/amqp_error.hpp"
#include "amqp/properties.hpp"
#include "amqp/topology.hpp"
#include "core/seeded_fault.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace fairlead::amqp {

namespace {

// How often messages without an answer are looked over for those past their deadline. The window has answered for
// them already; this is about their places in it.
constexpr std::chrono::seconds kExpiryInterval{1};
// A closed channel is usually opened again at once; this is for a broker that keeps closing it.
constexpr std::chrono::milliseconds kReopenDelay{200};

std::size_t fingerprint_of(std::string_view exchange, std::string_view routing_key, std::string_view id) noexcept {
  std::hash<std::string_view> const hash;
  return (hash(exchange) * 31 + hash(routing_key)) * 31 + hash(id);
}

Error closed_error(bool maybe_applied) {
  return {Errc::kClosed, "the broker object was closed before the confirmation came", false, maybe_applied, 0};
}

Error unroutable_error() {
  return {Errc::kUnroutable,
          "no queue is bound for this message: list its groups in the destination's `groups`, or check the routing key",
          false, false, AMQP_NO_ROUTE};
}

Error refused_error() {
  return {Errc::kRefused, "the broker refused the message (basic.nack): a queue may be full or unavailable", true, true,
          0};
}

Error expired_error() {
  return {Errc::kTimeout, "the deadline passed before the message could be sent", true, false, 0};
}

Error unanswered_error() {
  return {Errc::kTimeout, "the broker did not confirm the message before its deadline", true, true, 0};
}

Error recut_error() {
  return {Errc::kNotConnected, "the broker that came back takes smaller frames only", true, false, 0};
}

}  // namespace

PublishChannel::PublishChannel(std::shared_ptr<ConfirmWindow> window, std::shared_ptr<Mailbox> mailbox,
                               std::size_t expected_in_flight)
    : window_(std::move(window)), mailbox_(std::move(mailbox)), ring_(expected_in_flight) {}

Result<void> PublishChannel::publish(PublishEncoder const& encoder, std::string_view exchange,
                                     std::string_view routing_key, Outbound const& message, PendingPublish& pending) {
  auto const fingerprint = fingerprint_of(exchange, routing_key, message.id);
  {
    std::lock_guard const lock(mutex_);
    if (is_shut_) return closed_error(false);
    if (auto fits = encoder.check(routing_key, message, frame_max_); !fits) return fits;
    auto const before = staged_.size();
    encoder.encode(staged_, number(), routing_key, message, frame_max_);
    auto const begin = stream_end_;
    stream_end_ += staged_.size() - before;
    ring_.push({&pending, fingerprint, begin, stream_end_, false});
  }
  mailbox_->notify();
  return {};
}

void PublishChannel::shut() {
  CompletionBatch batch;
  {
    std::lock_guard const lock(mutex_);
    if (std::exchange(is_shut_, true)) return;
    auto const staged_begin = stream_end_ - staged_.size();
    ring_.restart([&](Unconfirmed& message) {
      if (message.pending != nullptr) batch.fail(*message.pending, closed_error(message.begin < staged_begin));
      return true;
    });
    staged_.clear();
  }
  window_->complete(batch);
}

Result<void> PublishChannel::start(Connection& connection) {
  auto attached = connection.attach(shared_from_this());
  if (attached) connection.set_bulk_source(this);
  return attached;
}

void PublishChannel::remember(std::string const& destination, Script declaration) {
  declarations_[destination] = std::move(declaration);
}

Script PublishChannel::opening() {
  Script script;
  for (auto const& [destination, declaration] : declarations_) {
    script.insert(script.end(), declaration.begin(), declaration.end());
  }
  script.push_back(request_confirms());
  return script;
}

void PublishChannel::on_open() {
  end_expired(connection().now());
  touch();
  std::lock_guard const lock(mutex_);
  // What waits was cut into larger frames than this broker takes.
  if (connection().frame_max() < frame_max_) {
    ring_.restart([this](Unconfirmed& message) {
      if (message.pending != nullptr) batch_.fail(*message.pending, recut_error());
      return true;
    });
    stream_end_ -= staged_.size();
    staged_.clear();
  }
  frame_max_ = connection().frame_max();
}

void PublishChannel::on_blocked() { watch_deadlines(); }

bool PublishChannel::refill(ByteBuffer& empty) {
  if (!is_open()) return false;
  std::lock_guard const lock(mutex_);
  if (staged_.empty()) return false;
  staged_.swap(empty);
  written_end_ = stream_end_;
  watch_deadlines();
  return true;
}

void PublishChannel::give_back(std::string_view refilled, std::size_t written) {
  std::lock_guard const lock(mutex_);
  auto const refilled_begin = stream_end_ - staged_.size() - refilled.size();
  written_end_ = refilled_begin + written;
  // A message of which only a part was written cannot have reached anybody: it begins anew.
  auto keep_from = refilled_begin + refilled.size();
  ring_.for_each([&](Unconfirmed const& message) {
    if (message.end > written_end_ && message.begin >= refilled_begin) keep_from = std::min(keep_from, message.begin);
  });
  ByteBuffer kept;
  kept.append(refilled.substr(static_cast<std::size_t>(keep_from - refilled_begin)));
  kept.append(staged_.view());
  staged_.swap(kept);
  written_end_ = keep_from;
}

void PublishChannel::on_lost(Error const& error, bool with_connection) {
  auto lost = error;
  // Why the connection was closed says nothing about the messages on it.
  if (with_connection && error.code != Errc::kClosed) lost.code = Errc::kConnectionLost;
  lost.maybe_applied = true;
  fail_written(lost);
  is_touched_ = false;
  window_->complete(batch_);
  if (!with_connection) {
    // Refused while opening: without the declarations, of which one is what the broker refuses. Publishing to the
    // others must go on.
    if (!declarations_.empty() && error.code != Errc::kUnknownDestination) declarations_.clear();
    reopen_at(connection().now() + kReopenDelay);
  }
  is_timer_set_ = false;
  watch_deadlines();
}

void PublishChannel::fail_written(Error const& error) {
  std::lock_guard const lock(mutex_);
  ring_.restart([&](Unconfirmed& message) {
    if (message.pending == nullptr) return true;
    if (message.begin >= written_end_) return false;
    if (is_seeded(SeededFault::kDropPendingOnReconnect)) return true;
    batch_.fail(*message.pending, message.is_returned ? unroutable_error() : error);
    return true;
  });
}

void PublishChannel::on_timer(TimePoint now) {
  is_timer_set_ = false;
  end_expired(now);
  window_->complete(batch_);
  std::lock_guard const lock(mutex_);
  if (ring_.size() > 0) watch_deadlines();
}

void PublishChannel::watch_deadlines() {
  if (!std::exchange(is_timer_set_, true)) set_timer(connection().now() + kExpiryInterval);
}

void PublishChannel::end_expired(TimePoint now) {
  std::lock_guard const lock(mutex_);
  auto const staged_begin = stream_end_ - staged_.size();
  bool has_unsent = false;
  bool has_unanswered = false;
  ring_.for_each([&](Unconfirmed& message) {
    if (message.pending == nullptr || message.pending->deadline > now) return;
    if (message.begin >= staged_begin) {
      has_unsent = true;
      return;
    }
    has_unanswered = true;
    batch_.fail(*message.pending, message.is_returned ? unroutable_error() : unanswered_error());
    message.pending = nullptr;
  });
  if (has_unsent) drop_unsent(now, staged_begin);
  // RabbitMQ's channel can hang, heartbeats going on, when a quorum queue is deleted while it is published to.
  auto const silence = now - last_answer_;
  if (has_unanswered && silence >= connection().settings().reply_timeout && !connection().is_blocked()) {
    connection().fail(connection_lost(
        "no confirmation for " + std::to_string(std::chrono::floor<std::chrono::seconds>(silence).count()) + " s"));
  }
}

void PublishChannel::drop_unsent(TimePoint now, std::uint64_t staged_begin) {
  ByteBuffer kept;
  ring_.remove_if([&](Unconfirmed& message) {
    if (message.begin < staged_begin) return false;
    if (message.pending->deadline <= now) {
      batch_.fail(*message.pending, expired_error());
      return true;
    }
    auto const frames = staged_.view().substr(static_cast<std::size_t>(message.begin - staged_begin),
                                              static_cast<std::size_t>(message.end - message.begin));
    message.begin = staged_begin + kept.size();
    kept.append(frames);
    message.end = staged_begin + kept.size();
    return false;
  });
  staged_.swap(kept);
  stream_end_ = staged_begin + staged_.size();
}

void PublishChannel::on_method(amqp_method_number_t method, void* fields) {
  if (method == AMQP_BASIC_ACK_METHOD) {
    auto const& ack = *static_cast<amqp_basic_ack_t*>(fields);
    settle(ack.delivery_tag, ack.multiple != 0, true);
  } else if (method == AMQP_BASIC_NACK_METHOD) {
    auto const& nack = *static_cast<amqp_basic_nack_t*>(fields);
    settle(nack.delivery_tag, nack.multiple != 0, false);
  }
}

void PublishChannel::settle(std::uint64_t tag, bool multiple, bool is_ack) {
  last_answer_ = connection().now();
  std::lock_guard const lock(mutex_);
  ring_.settle(tag, multiple, [&](Unconfirmed& message) {
    if (message.is_returned) {
      batch_.fail(*message.pending, unroutable_error());
    } else if (is_ack) {
      batch_.confirm(*message.pending);
    } else {
      batch_.fail(*message.pending, refused_error());
    }
  });
  touch();
}

void PublishChannel::on_content(Content content) {
  if (is_seeded(SeededFault::kUnroutableAsConfirmed)) return;
  void* decoded = nullptr;
  Properties properties;
  if (content.method != AMQP_BASIC_RETURN_METHOD ||
      amqp_decode_method(content.method, connection().pool().get(), to_bytes(content.fields), &decoded) !=
          AMQP_STATUS_OK ||
      !read_properties(content.properties, properties)) {
    return connection().fail(protocol_error("malformed basic.return"));
  }
  auto const* const returned = static_cast<amqp_basic_return_t*>(decoded);
  std::lock_guard const lock(mutex_);
  ring_.mark_returned(
      fingerprint_of(to_view(returned->exchange), to_view(returned->routing_key), properties.message_id));
}

void PublishChannel::touch() {
  if (std::exchange(is_touched_, true)) return;
  connection().call_at_read_end(*this);
}

void PublishChannel::on_read_end() {
  is_touched_ = false;
  window_->complete(batch_);
}

}  // namespace fairlead::amqp
