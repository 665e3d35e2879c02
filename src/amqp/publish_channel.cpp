#include "amqp/publish_channel.hpp"

#include "amqp/frame_writer.hpp"
#include "amqp/topology.hpp"

#include <utility>

// The way out: from a publisher's message to the bytes that the connection writes.
namespace fairlead::amqp {

namespace {

// Messages that wait long among many that do not, as for a queue without a leader, hold a segment each: when the log is
// so much larger than what is kept in it, they are gathered.
constexpr std::size_t kSparseBytes = std::size_t{4} << 20;
constexpr std::size_t kSparse = 4;

Error recut_error(bool maybe_applied) {
  return {Errc::kTooLarge, "key and headers do not fit into a frame of the broker that came back", false, maybe_applied,
          0};
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
    if (is_shut_) return Error{Errc::kClosed, "the broker object was closed", false, false, 0};
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

void PublishChannel::on_not_connected(Error const& error) {
  std::lock_guard const lock(mutex_);
  obstacle_ = error;
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

}  // namespace fairlead::amqp
