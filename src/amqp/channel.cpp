#include "amqp/channel.hpp"

#include "amqp/amqp_error.hpp"
#include "amqp/connection.hpp"
#include "amqp/frame_writer.hpp"

#include <algorithm>
#include <utility>

namespace fairlead::amqp {

namespace {

/// Methods that a broker may send on a channel. Others are not decoded: rabbitmq-c would decode tables in them,
/// recursively and as deep as the peer likes.
bool is_from_broker(amqp_method_number_t method) noexcept {
  switch (method) {
    case AMQP_CHANNEL_OPEN_OK_METHOD:
    case AMQP_CHANNEL_FLOW_METHOD:
    case AMQP_CHANNEL_CLOSE_METHOD:
    case AMQP_CHANNEL_CLOSE_OK_METHOD:
    case AMQP_EXCHANGE_DECLARE_OK_METHOD:
    case AMQP_QUEUE_DECLARE_OK_METHOD:
    case AMQP_QUEUE_BIND_OK_METHOD:
    case AMQP_BASIC_QOS_OK_METHOD:
    case AMQP_BASIC_CONSUME_OK_METHOD:
    case AMQP_BASIC_CANCEL_METHOD:
    case AMQP_BASIC_CANCEL_OK_METHOD:
    case AMQP_BASIC_ACK_METHOD:
    case AMQP_BASIC_NACK_METHOD:
    case AMQP_CONFIRM_SELECT_OK_METHOD: return true;
    default: return false;
  }
}

}  // namespace

void Channel::attach(Connection& connection, std::uint16_t number) noexcept {
  connection_ = &connection;
  number_ = number;
}

void Channel::open() {
  if (!wants_open()) return;
  amqp_channel_open_t request{};
  awaited_.clear();
  awaited_.push_back({encode_method(AMQP_CHANNEL_OPEN_METHOD, &request), AMQP_CHANNEL_OPEN_OK_METHOD, "open channel"});
  for (auto& step : opening()) awaited_.push_back(std::move(step));
  for (auto const& step : awaited_) append_frame(connection_->out(), AMQP_FRAME_METHOD, number_, step.payload);
  state_ = State::kOpening;
  reopen_at_ = TimePoint::max();
  await_reply();
}

void Channel::ask(Request request) {
  append_frame(connection_->out(), AMQP_FRAME_METHOD, number_, request.payload);
  awaited_.push_back(std::move(request));
  await_reply();
}

void Channel::await_reply() {
  reply_deadline_ = connection_->now() + connection_->settings().reply_timeout;
  connection_->schedule(reply_deadline_);
}

void Channel::send(amqp_method_number_t method, void* fields) {
  append_method(connection_->out(), number_, method, fields);
}

void Channel::set_timer(TimePoint at) {
  timer_ = at;
  connection_->schedule(at);
}

void Channel::reopen_at(TimePoint at) {
  reopen_at_ = at;
  connection_->schedule(at);
}

Channel::TimePoint Channel::timer() const noexcept { return std::min({timer_, reopen_at_, reply_deadline_}); }

void Channel::advance_clock(TimePoint now) {
  if (timer_ <= now) {
    timer_ = TimePoint::max();
    on_timer(now);
  }
  if (reopen_at_ <= now && state_ == State::kDown && connection_->is_open()) open();
  if (reply_deadline_ <= now) {
    // A broker in alarm does not read, so it cannot answer; that is no sign of a dead connection.
    auto const patience = connection_->settings().reply_timeout;
    if (connection_->is_blocked()) {
      reply_deadline_ = now + patience;
    } else {
      auto const what = awaited_.empty() ? std::string("close channel") : awaited_.front().what;
      reply_deadline_ = TimePoint::max();
      connection_->fail(connection_lost("no reply to '" + what + "' in " + std::to_string(patience.count()) + " ms"));
    }
  }
}

void Channel::close() {
  if (state_ == State::kDown) return on_closed();
  if (state_ == State::kClosing) return;
  amqp_channel_close_t request{};
  request.reply_code = AMQP_REPLY_SUCCESS;
  send(AMQP_CHANNEL_CLOSE_METHOD, &request);
  state_ = State::kClosing;
  awaited_.clear();
  content_.reset();
  await_reply();
}

void Channel::lose(Error const& error) {
  bool const was_closing = state_ == State::kClosing;
  reopen_at_ = timer_ = TimePoint::max();
  go_down(error, true);
  if (was_closing) on_closed();
  reopen_at_ = TimePoint::max();  // the new connection opens it
}

void Channel::go_down(Error const& error, bool with_connection) {
  bool const was_closing = state_ == State::kClosing;
  state_ = State::kDown;
  awaited_.clear();
  reply_deadline_ = TimePoint::max();
  content_.reset();
  if (!was_closing) on_lost(error, with_connection);
}

void Channel::receive(Frame const& frame) {
  if (state_ == State::kDown) return;  // sent before the broker knew
  if (frame.type == AMQP_FRAME_METHOD) return receive_method(frame);
  receive_content(frame);
}

void Channel::receive_method(Frame const& frame) {
  if (frame.payload.size() < sizeof(std::uint32_t)) return connection_->fail(protocol_error("undersized method frame"));
  auto const method = load_big_endian<std::uint32_t>(frame.payload.data());
  auto const fields = frame.payload.substr(sizeof(std::uint32_t));
  if (state_ == State::kClosing && method != AMQP_CHANNEL_CLOSE_OK_METHOD && method != AMQP_CHANNEL_CLOSE_METHOD)
    return;
  if (!content_.is_idle() && method != AMQP_CHANNEL_CLOSE_METHOD) {
    return connection_->fail(protocol_error("a method inside a message"));
  }
  if (method == AMQP_BASIC_DELIVER_METHOD || method == AMQP_BASIC_RETURN_METHOD) {
    return content_.begin(method, fields, connection_->chunk());
  }
  if (!is_from_broker(method)) return connection_->fail(protocol_error("unexpected method"));
  if (method == AMQP_CHANNEL_CLOSE_METHOD) return receive_close(fields);
  if (method == AMQP_CHANNEL_CLOSE_OK_METHOD) {
    if (state_ != State::kClosing) return connection_->fail(protocol_error("unexpected channel.close-ok"));
    state_ = State::kDown;
    reply_deadline_ = TimePoint::max();
    return on_closed();
  }
  if (!awaited_.empty() && awaited_.front().reply == method) {
    awaited_.pop_front();
    reply_deadline_ = TimePoint::max();
    if (!awaited_.empty()) await_reply();
    if (state_ == State::kOpening) {
      if (!awaited_.empty()) return;
      state_ = State::kOpen;
      return on_open();
    }
  }

  void* decoded = nullptr;
  if (amqp_decode_method(method, connection_->pool().get(), to_bytes(fields), &decoded) != AMQP_STATUS_OK) {
    return connection_->fail(protocol_error("malformed method"));
  }
  if (method == AMQP_CHANNEL_FLOW_METHOD) {
    amqp_channel_flow_ok_t ok{static_cast<amqp_channel_flow_t*>(decoded)->active};
    return send(AMQP_CHANNEL_FLOW_OK_METHOD, &ok);
  }
  on_method(method, decoded);
}

void Channel::receive_close(std::string_view fields) {
  amqp_channel_close_ok_t ok{};
  send(AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
  if (state_ == State::kClosing) return;  // both closed at once; the broker's answer to ours still comes
  auto const code = fields.size() < 3 ? std::uint16_t{0} : load_big_endian<std::uint16_t>(fields.data());
  auto const text = fields.size() < 3 ? std::string_view{} : fields.substr(3, static_cast<unsigned char>(fields[2]));
  auto const what = awaited_.empty() ? std::string("channel closed by the broker") : awaited_.front().what;
  go_down(reply_error(code, text, what), false);
}

void Channel::receive_content(Frame const& frame) {
  if (state_ == State::kClosing) return;
  auto& chunk = connection_->chunk();
  auto const status =
      frame.type == AMQP_FRAME_HEADER ? content_.header(frame.payload, chunk) : content_.body(frame.payload, chunk);
  if (status == ContentAssembler::Status::kInvalid) {
    return connection_->fail(protocol_error(content_.problem()));
  }
  if (status == ContentAssembler::Status::kComplete) on_content(content_.take());
}

}  // namespace fairlead::amqp
