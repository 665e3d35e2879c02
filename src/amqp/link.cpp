#include "amqp/link.hpp"

#include "amqp/amqp_error.hpp"
#include "amqp/frame_writer.hpp"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace fairlead::amqp {

namespace {

// Reads in one turn before writing and timers get theirs again.
constexpr int kReadsPerTurn = 8;

}  // namespace

Link::Link(ConnectionSettings const& settings, HostPort host, std::shared_ptr<ChunkPool> chunks, LinkEvents& events,
           std::function<void()> wake, TimePoint now)
    : settings_(settings),
      host_(std::move(host)),
      name_(host_.host + ":" + std::to_string(host_.port)),
      events_(events),
      resolver_(host_, wake),
      credentials_(settings.credentials ? settings.credentials->ask(std::move(wake)) : nullptr),
      reader_(std::move(chunks)),
      login_(settings),
      now_(now),
      attempt_deadline_(now + settings.connect_timeout),
      last_read_(now),
      last_write_(now) {}

short Link::wanted() const noexcept {
  if (state_ == State::kConnecting) return transport_->wanted(false);
  return transport_->wanted(has_output());
}

Link::TimePoint Link::next_deadline() const noexcept {
  if (has_unread_ || failure_) return now_;
  if (state_ < State::kOpen) return attempt_deadline_;
  auto const heartbeat = login_.heartbeat();
  if (heartbeat.count() == 0) return TimePoint::max();
  auto const silence = last_read_ + 2 * heartbeat;
  // While output waits for the socket, a heartbeat would only wait behind it.
  return has_output() ? silence : std::min(silence, last_write_ + heartbeat / 2);
}

std::optional<Error> Link::advance(bool is_readable, TimePoint now) {
  now_ = now;
  if (!failure_ && state_ == State::kResolving) resolve();
  if (!failure_ && state_ == State::kConnecting) connect();
  if (!failure_ && state_ >= State::kLoggingIn && (is_readable || has_unread_)) read();
  if (!failure_ && state_ >= State::kLoggingIn) watch_clock();
  if (!failure_ && state_ >= State::kLoggingIn) write();
  if (!failure_ && state_ < State::kOpen && now >= attempt_deadline_) {
    std::string const missing = credentials_                  ? "the credentials provider did not answer"
                                : state_ == State::kLoggingIn ? "no answer to the login"
                                                              : "no answer";
    failure_ = last_refusal_.value_or(
        Error{Errc::kNotConnected, missing + " within `connection.connect_timeout`", true, false, 0});
  }
  if (!failure_) return std::nullopt;
  return lost(*failure_);
}

void Link::fail(Error error) {
  if (!failure_) failure_ = std::move(error);
}

Error Link::lost(Error const& cause) const {
  auto error = state_ == State::kLoggingIn ? login_.interrupted(cause) : cause;
  error.message = name_ + ": " + error.message;
  return error;
}

void Link::resolve() {
  if (auto answer = resolver_.take()) {
    if (answer->addresses.empty()) return fail({Errc::kNotConnected, "unknown host: " + answer->error, true, false, 0});
    addresses_ = std::move(answer->addresses);
    std::reverse(addresses_.begin(), addresses_.end());
  }
  if (take_credentials() && !addresses_.empty()) open_next_address();
}

bool Link::take_credentials() {
  if (!credentials_) return true;
  auto answer = credentials_->take();
  if (!answer) return false;
  credentials_.reset();
  if (!*answer) {
    fail(answer->error());
    return false;
  }
  login_.use(**std::move(answer));
  return true;
}

void Link::open_next_address() {
  while (!addresses_.empty()) {
    auto const address = addresses_.back();
    addresses_.pop_back();
    auto opened = settings_.tls ? open_tls(address, host_.host, *settings_.tls) : open_tcp(address);
    if (opened) {
      transport_ = *std::move(opened);
      state_ = State::kConnecting;
      return;
    }
    last_refusal_ = std::move(opened).error();
  }
  fail(*last_refusal_);
}

void Link::connect() {
  for (;;) {
    auto connected = transport_->connect();
    if (connected && !*connected) return;
    if (connected) break;
    last_refusal_ = std::move(connected).error();
    open_next_address();
    if (failure_) return;
  }
  state_ = State::kLoggingIn;
  last_read_ = now_;
  login_.begin(out_);
}

void Link::read() {
  has_unread_ = false;
  for (int turn = 0; turn < kReadsPerTurn && !failure_; ++turn) {
    auto const space = reader_.space();
    auto const count = transport_->read_some(space);
    if (!count) {
      fail(state_ == State::kLoggingIn ? count.error() : connection_lost(count.error().message));
      break;
    }
    if (*count == 0) break;
    last_read_ = now_;
    reader_.filled(*count);
    Frame frame;
    FrameReader::Next next{};
    while (!failure_ && (next = reader_.next(frame)) == FrameReader::Next::kFrame) receive(frame);
    if (next == FrameReader::Next::kInvalid) fail(protocol_error(reader_.problem()));
    // A short read means that the socket is empty; TLS hands out one record at a time.
    if (*count < space.size() && !settings_.tls) break;
    has_unread_ = turn + 1 == kReadsPerTurn;
  }
  events_.on_read_end();
}

void Link::receive(Frame const& frame) {
  if (state_ == State::kLoggingIn) return receive_login(frame);
  if (frame.type == AMQP_FRAME_HEARTBEAT) return;
  if (frame.channel != 0) {
    if (state_ == State::kOpen) events_.on_frame(frame);
    return;
  }
  if (frame.type != AMQP_FRAME_METHOD) return fail(protocol_error("content on channel 0"));
  receive_connection_method(frame.payload);
}

void Link::receive_login(Frame const& frame) {
  if (frame.type != AMQP_FRAME_METHOD || frame.channel != 0)
    return fail(protocol_error("unexpected frame during login"));
  auto const is_open = login_.receive(frame.payload, out_);
  if (!is_open) return fail(is_open.error());
  if (!*is_open) return;
  state_ = State::kOpen;
  events_.on_open();
}

void Link::receive_connection_method(std::string_view payload) {
  if (payload.size() < sizeof(std::uint32_t)) return fail(protocol_error("undersized method frame"));
  auto const fields = payload.substr(sizeof(std::uint32_t));
  // A short string behind `offset` octets; both methods below have one.
  auto const text_at = [&](std::size_t offset) {
    if (fields.size() <= offset) return std::string_view{};
    return fields.substr(offset + 1, static_cast<unsigned char>(fields[offset]));
  };
  switch (load_big_endian<std::uint32_t>(payload.data())) {
    case AMQP_CONNECTION_CLOSE_METHOD: {
      auto const code = fields.size() < 2 ? std::uint16_t{0} : load_big_endian<std::uint16_t>(fields.data());
      fail(reply_error(code, text_at(2), "connection closed by the broker"));
      amqp_connection_close_ok_t ok{};
      append_method(out_, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
      return write();  // what cannot be written now does not matter any more
    }
    case AMQP_CONNECTION_CLOSE_OK_METHOD: state_ = State::kClosed; return;
    case AMQP_CONNECTION_BLOCKED_METHOD: return events_.on_blocked(true, text_at(0));
    case AMQP_CONNECTION_UNBLOCKED_METHOD: return events_.on_blocked(false, {});
    default: return fail(protocol_error("unexpected method on channel 0"));
  }
}

void Link::write() {
  for (;;) {
    if (!has_output()) {
      out_.clear();
      written_ = 0;
      if (state_ != State::kOpen) return;
      bulk_ = events_.next_bulk();
      if (bulk_.empty()) return;
    }
    auto const count = transport_->write_some(bulk_.empty() ? out_.view().substr(written_) : bulk_);
    if (!count) return fail(state_ == State::kLoggingIn ? count.error() : connection_lost(count.error().message));
    if (*count == 0) return;
    last_write_ = now_;
    if (bulk_.empty()) {
      written_ += *count;
    } else {
      bulk_.remove_prefix(*count);
    }
  }
}

void Link::watch_clock() {
  auto const heartbeat = login_.heartbeat();
  if (state_ < State::kOpen || heartbeat.count() == 0) return;
  if (now_ >= last_read_ + 2 * heartbeat) {
    return fail(
        connection_lost("no heartbeat for " + std::to_string(2 * heartbeat.count()) + " s, twice `amqp.heartbeat`"));
  }
  if (now_ >= last_write_ + heartbeat / 2 && !has_output()) append_heartbeat(out_);
}

void Link::begin_close() {
  amqp_connection_close_t close{};
  close.reply_code = AMQP_REPLY_SUCCESS;
  close.reply_text = to_bytes("closed by the application");
  append_method(out_, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
  state_ = State::kClosing;
}

}  // namespace fairlead::amqp
