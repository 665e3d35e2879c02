#include "amqp/amqp_error.hpp"
#include "amqp/properties.hpp"
#include "amqp/publish_channel.hpp"
#include "core/seeded_fault.hpp"

#include <string>
#include <utility>

// How each publish ends: by the broker's answer, with its connection, at its deadline, or with the broker object.
namespace fairlead::amqp {

namespace {

// How often messages without an answer are looked over for those past their deadline. The window has answered for
// them already; this is about their places in it.
constexpr std::chrono::seconds kExpiryInterval{1};
// A closed channel is usually opened again at once; this is for a broker that keeps closing it.
constexpr std::chrono::milliseconds kReopenDelay{200};

Error closed_error(bool maybe_applied) {
  return {Errc::kClosed, "the broker object was closed before the confirmation came", false, maybe_applied, 0};
}

Error unroutable_error(bool maybe_applied) {
  return {Errc::kUnroutable,
          "no queue is bound for this message: list its groups in the destination's `groups`, or check the routing key",
          false, maybe_applied, AMQP_NO_ROUTE};
}

Error refused_error() {
  return {Errc::kRefused, "the broker refused the message (basic.nack): a queue may be full or unavailable", true, true,
          0};
}

/// `maybe_applied`: it was sent on a connection that is gone.
Error unsent_error(bool maybe_applied, std::optional<Error> const& obstacle) {
  auto const code = obstacle && obstacle->code == Errc::kBlocked ? Errc::kBlocked : Errc::kTimeout;
  auto text = "the deadline passed before the message could be sent" + std::string(maybe_applied ? " again" : "") +
              " (publish.deadline)";
  if (obstacle) text += ": " + obstacle->message;
  return {code, std::move(text), true, maybe_applied, 0};
}

Error unanswered_error() {
  return {Errc::kTimeout, "the broker did not confirm the message before its deadline (publish.deadline)", true, true,
          0};
}

/// The broker closed the channel or the connection over something that was sent, not because it went away.
bool is_refusal(Error const& error) noexcept {
  return error.native_code >= AMQP_CONTENT_TOO_LARGE && error.native_code != AMQP_CONNECTION_FORCED;
}

}  // namespace

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
    forget_frames(message);
    if (message.is_returned) {
      batch_.fail(*message.pending, unroutable_error(message.maybe_applied));
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

void PublishChannel::on_lost(Error const& error, bool with_connection) {
  auto lost = error;
  // Why the connection was closed says nothing about the messages on it.
  if (with_connection && error.code != Errc::kClosed) lost.code = Errc::kConnectionLost;
  lost.maybe_applied = true;
  auto const suspects = requeue_or_fail(lost);
  is_touched_ = false;
  window_->complete(batch_);
  bool const was_opening = !std::exchange(was_open_, false);
  if (!with_connection) {
    // Refused while opening: without the declarations, of which one is what the broker refuses. Publishing to the
    // others must go on.
    if (was_opening && !declarations_.empty() && error.code != Errc::kUnknownDestination) declarations_.clear();
    auto const now = connection().now();
    reopen_at(suspects > 0 ? now : now + kReopenDelay);
  }
  is_timer_set_ = false;
  watch_deadlines();
}

std::size_t PublishChannel::requeue_or_fail(Error const& error) {
  std::lock_guard const lock(mutex_);
  obstacle_ = error;
  bulk_.first_tag = 0;
  bulk_.is_suspect = false;
  std::size_t on_their_way = 0;
  ring_.for_each_sent([&](Unconfirmed const& message) {
    if (message.pending != nullptr && !message.is_returned) ++on_their_way;
  });
  bool const is_refused = is_refusal(error);
  bool const is_ended = !resends_ || error.code == Errc::kClosed || (is_refused && on_their_way == 1);
  ring_.restart([&](Unconfirmed& message, bool was_sent) {
    if (!was_sent) return false;
    if (is_seeded(SeededFault::kDropPendingOnReconnect)) message.pending = nullptr;
    if (message.pending != nullptr && !message.is_returned && !is_ended) {
      message.maybe_applied = true;
      message.is_suspect |= is_refused;
      return false;
    }
    if (message.pending != nullptr) {
      batch_.fail(*message.pending, message.is_returned ? unroutable_error(message.maybe_applied) : error);
    }
    forget_frames(message);
    return true;
  });
  return is_refused ? on_their_way : 0;
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
  bool has_unanswered = false;
  ring_.for_each_sent([&](Unconfirmed& message) {
    if (message.pending == nullptr || message.pending->deadline > now) return;
    has_unanswered = true;
    batch_.fail(*message.pending, message.is_returned ? unroutable_error(message.maybe_applied) : unanswered_error());
    message.pending = nullptr;
    forget_frames(message);
  });
  end_expired_unsent(batch_, now);
  // RabbitMQ's channel can hang, heartbeats going on, when a quorum queue is deleted while it is published to.
  auto const silence = now - last_answer_;
  if (has_unanswered && silence >= connection().settings().reply_timeout && !connection().is_blocked()) {
    connection().fail(connection_lost(
        "no confirmation for " + std::to_string(std::chrono::floor<std::chrono::seconds>(silence).count()) + " s"));
  }
}

void PublishChannel::end_expired_unsent(CompletionBatch& batch, TimePoint now) {
  ring_.remove_unsent_if([&](Unconfirmed& message) {
    if (message.pending->deadline > now) return false;
    batch.fail(*message.pending, unsent_error(message.maybe_applied, obstacle_));
    forget_frames(message);
    return true;
  });
}

void PublishChannel::give_up_unsent(TimePoint now) {
  CompletionBatch batch;
  {
    std::lock_guard const lock(mutex_);
    end_expired_unsent(batch, now);
  }
  window_->complete(batch);
}

void PublishChannel::shut() {
  CompletionBatch batch;
  {
    std::lock_guard const lock(mutex_);
    if (std::exchange(is_shut_, true)) return;
    ring_.restart([&](Unconfirmed& message, bool was_sent) {
      if (message.pending != nullptr) batch.fail(*message.pending, closed_error(message.maybe_applied || was_sent));
      forget_frames(message);
      return true;
    });
  }
  window_->complete(batch);
}

}  // namespace fairlead::amqp
