#include "amqp/publish_channel.hpp"

#include "amqp/amqp_error.hpp"
#include "amqp/frame_writer.hpp"
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
// Messages that wait long among many that do not, as for a queue without a leader, hold a segment each: when the log is
// so much larger than what is kept in it, they are gathered.
constexpr std::size_t kSparseBytes = std::size_t{4} << 20;
constexpr std::size_t kSparse = 4;

std::size_t fingerprint_of(std::string_view exchange, std::string_view routing_key, std::string_view id) noexcept {
  std::hash<std::string_view> const hash;
  return (hash(exchange) * 31 + hash(routing_key)) * 31 + hash(id);
}

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

Error recut_error(bool maybe_applied) {
  return {Errc::kTooLarge, "key and headers do not fit into a frame of the broker that came back", false, maybe_applied,
          0};
}

/// The broker closed the channel or the connection over something that was sent, not because it went away.
bool is_refusal(Error const& error) noexcept {
  return error.native_code >= AMQP_CONTENT_TOO_LARGE && error.native_code != AMQP_CONNECTION_FORCED;
}

}  // namespace

PublishChannel::PublishChannel(std::shared_ptr<ConfirmWindow> window, std::shared_ptr<Mailbox> mailbox,
                               std::size_t expected_in_flight, OnUnconfirmed policy)
    : window_(std::move(window)),
      mailbox_(std::move(mailbox)),
      resends_(policy == OnUnconfirmed::kResend),
      ring_(expected_in_flight) {}

Result<void> PublishChannel::publish(PublishEncoder const& encoder, std::string_view exchange,
                                     std::string_view routing_key, Outbound const& message, PendingPublish& pending) {
  auto const fingerprint = fingerprint_of(exchange, routing_key, message.id);
  {
    std::lock_guard const lock(mutex_);
    if (is_shut_) return closed_error(false);
    if (auto fits = encoder.check(routing_key, message, frame_max_); !fits) return fits;
    auto& segment = log_.open_for(encoder.size_bound(routing_key, message, frame_max_));
    auto const offset = segment.frames.size();
    encoder.encode(segment.frames, number(), routing_key, message, frame_max_);
    FrameLog::hold(segment);
    ring_.push({&pending, fingerprint, &segment, static_cast<std::uint32_t>(offset),
                static_cast<std::uint32_t>(segment.frames.size() - offset)});
  }
  mailbox_->notify();
  return {};
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
  was_open_ = true;
  end_expired(connection().now());
  touch();
  std::lock_guard const lock(mutex_);
  obstacle_ = connection().blocked();
  auto const frame_max = connection().frame_max();
  if (frame_max < frame_max_) cut_smaller(frame_max);
  frame_max_ = frame_max;
}

void PublishChannel::cut_smaller(std::size_t frame_max) {
  ByteBuffer frames;
  ring_.remove_unsent_if([&](Unconfirmed& message) {
    frames.clear();
    auto const old = message.segment->frames.view().substr(message.offset, message.size);
    bool const fits = append_recut(frames, old, frame_max);
    forget_frames(message);
    if (!fits) {
      batch_.fail(*message.pending, recut_error(message.maybe_applied));
      return true;
    }
    keep_frames(message, frames.view());
    return false;
  });
}

void PublishChannel::keep_frames(Unconfirmed& message, std::string_view frames) {
  auto& segment = log_.open_for(frames.size());
  FrameLog::hold(segment);
  message.segment = &segment;
  message.offset = static_cast<std::uint32_t>(segment.frames.size());
  message.size = static_cast<std::uint32_t>(frames.size());
  segment.frames.append(frames);
}

void PublishChannel::forget_frames(Unconfirmed& message) noexcept {
  if (auto* const segment = std::exchange(message.segment, nullptr)) log_.release(*segment);
}

void PublishChannel::on_blocked() {
  watch_deadlines();
  std::lock_guard const lock(mutex_);
  obstacle_ = connection().blocked();
}

std::string_view PublishChannel::next_bulk() {
  if (!is_open()) return {};
  std::lock_guard const lock(mutex_);
  if (bulk_.segment != nullptr) log_.release(*std::exchange(bulk_.segment, nullptr));
  if (log_.bytes() > gather_above_) gather_frames();
  if (!ring_.has_unsent()) return {};
  auto const& first = ring_.next_unsent();
  // A suspect has the channel to itself.
  if ((first.is_suspect || bulk_.is_suspect) && ring_.sent() > 0) return {};
  auto const begin = first.offset;
  bulk_ = {first.segment, begin, 0, first.is_suspect};
  if (ring_.sent() == 0) last_answer_ = connection().now();  // until now none was owed
  FrameLog::hold(*bulk_.segment);
  do {
    auto& message = ring_.next_unsent();
    bool const follows = message.segment == bulk_.segment && message.offset == bulk_.end;
    if (!follows || (message.is_suspect && bulk_.end != begin)) break;
    bulk_.end += message.size;
    auto const tag = ring_.send();
    if (bulk_.first_tag == 0) bulk_.first_tag = tag;
    if (!resends_) forget_frames(message);
  } while (ring_.has_unsent() && !bulk_.is_suspect);
  watch_deadlines();
  return bulk_.segment->frames.view().substr(begin, bulk_.end - begin);
}

void PublishChannel::on_unwritten(std::size_t bytes) {
  std::lock_guard const lock(mutex_);
  if (bulk_.segment == nullptr) return;
  // A message of which only a part was written cannot have reached anybody: it begins anew.
  auto const written_end = bulk_.end - bytes;
  auto const is_written = [&](Unconfirmed& message) {
    if (message.offset + message.size <= written_end) return true;
    if (message.pending != nullptr && message.segment == nullptr) {
      FrameLog::hold(*bulk_.segment);
      message.segment = bulk_.segment;
    }
    return false;
  };
  if (bulk_.first_tag != 0) ring_.unsend_from(bulk_.first_tag, is_written);
  log_.release(*std::exchange(bulk_.segment, nullptr));
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

void PublishChannel::on_not_connected(Error const& error) {
  std::lock_guard const lock(mutex_);
  obstacle_ = error;
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

void PublishChannel::gather_frames() {
  std::size_t kept = 0;
  ring_.for_each([&](Unconfirmed const& message, bool) { kept += message.segment != nullptr ? message.size : 0; });
  gather_above_ = kSparseBytes + kSparse * kept;
  if (log_.bytes() <= gather_above_) return;
  ring_.for_each([&](Unconfirmed& message, bool was_sent) {
    if (!was_sent || message.segment == nullptr) return;
    auto& old = *message.segment;
    keep_frames(message, old.frames.view().substr(message.offset, message.size));
    log_.release(old);
  });
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

}  // namespace fairlead::amqp
