#include "support/amqp_server.hpp"

#include "amqp/byte_buffer.hpp"
#include "amqp/frame_writer.hpp"
#include "amqp/properties.hpp"
#include "support/wait.hpp"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace fairlead::test {

using namespace amqp;

AmqpServer::AmqpServer(Hook hook, Greeting on_accept)
    : hook_(std::move(hook)), on_accept_(std::move(on_accept)), listener_(listen_on_loopback(SOCK_NONBLOCK)) {
  thread_ = std::thread([this] { serve(); });
}

AmqpServer::~AmqpServer() {
  {
    std::lock_guard const lock(mutex_);
    is_stopped_ = true;
  }
  wake_.signal();
  thread_.join();
}

std::string AmqpServer::url(std::string_view query) const {
  return "amqp://guest:guest@127.0.0.1:" + std::to_string(port()) + "/" + std::string(query);
}

void AmqpServer::for_each(std::function<void(Session&)> command) {
  std::unique_lock lock(mutex_);
  commands_.push_back(std::move(command));
  auto const mine = ++commands_given_;
  wake_.signal();
  commands_done_.wait(lock, [&] { return commands_taken_ >= mine; });
}

int AmqpServer::accepted() const {
  std::lock_guard const lock(mutex_);
  return accepted_;
}

std::vector<AmqpServer::Published> AmqpServer::published() const {
  std::lock_guard const lock(mutex_);
  return published_;
}

std::vector<std::string> AmqpServer::bodies() const {
  std::vector<std::string> bodies;
  for (auto& message : published()) bodies.push_back(std::move(message.body));
  return bodies;
}

std::size_t AmqpServer::last_sent() const {
  std::lock_guard const lock(mutex_);
  return last_sent_;
}

std::size_t AmqpServer::last_received() const {
  std::lock_guard const lock(mutex_);
  return last_received_;
}

void AmqpServer::serve() {
  std::vector<pollfd> waiting;
  for (;;) {
    waiting.assign({{wake_.fd(), POLLIN, 0}, {listener_.fd.get(), POLLIN, 0}});
    for (auto const& session : sessions_) waiting.push_back({session.fd_.get(), session.wanted(), 0});
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
    std::size_t place = 2;
    for (auto& session : sessions_) {
      if ((waiting[place++].revents & (POLLIN | POLLHUP | POLLERR)) != 0) session.read();
    }
    if (waiting[0].revents != 0) {
      wake_.clear();
      take_commands();
      std::lock_guard const lock(mutex_);
      if (is_stopped_) return;
    }
    if (waiting[1].revents != 0) accept();
    for (auto& session : sessions_) session.write();
    sessions_.remove_if([this](Session& session) {
      if (!session.is_over()) return false;
      if (session.is_reset_) {
        linger const now{1, 0};
        ::setsockopt(session.fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
      }
      std::lock_guard const lock(mutex_);
      last_sent_ = session.sent_;
      last_received_ = session.received_;
      return true;
    });
    something_changed();
  }
}

void AmqpServer::take_commands() {
  std::vector<std::function<void(Session&)>> commands;
  {
    std::lock_guard const lock(mutex_);
    commands.swap(commands_);
  }
  for (auto const& command : commands) {
    for (auto& session : sessions_) command(session);
  }
  std::lock_guard const lock(mutex_);
  commands_taken_ += commands.size();
  commands_done_.notify_all();
}

void AmqpServer::accept() {
  UniqueFd client(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (client.get() < 0) return;
  int const on = 1;
  ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int number = 0;
  {
    std::lock_guard const lock(mutex_);
    number = ++accepted_;
  }
  auto& session = sessions_.emplace_back(*this, std::move(client), number);
  if (on_accept_) on_accept_(session);
}

AmqpServer::Session::Session(AmqpServer& server, UniqueFd fd, int number)
    : server_(server), fd_(std::move(fd)), number_(number), reader_(std::make_shared<ChunkPool>()) {}

short AmqpServer::Session::wanted() const noexcept {
  short events = 0;
  if (!is_silent_ && !is_ending_) events |= POLLIN;
  if (!out_.empty()) events |= POLLOUT;
  return events;
}

void AmqpServer::Session::read() {
  if (is_silent_) return;
  for (;;) {
    auto const space = reader_.space();
    auto const room = std::min(space.size(), receive_limit_ - received_);
    auto const count = room == 0 ? 0 : ::recv(fd_.get(), space.data(), room, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return reset();
    received_ += static_cast<std::size_t>(count);
    auto skipped = std::size_t{0};
    if (!has_greeted_) {
      constexpr std::size_t kHeader = 8;
      skipped = std::min(kHeader - header_.size(), static_cast<std::size_t>(count));
      header_.append(space.data(), skipped);
      if (header_.size() == kHeader) {
        has_greeted_ = true;
        amqp_connection_start_t start{};
        start.version_minor = 9;
        start.mechanisms = to_bytes("PLAIN");
        start.locales = to_bytes("en_US");
        if (start_.empty()) send_method(0, AMQP_CONNECTION_START_METHOD, &start);
        send(start_);
      }
      std::copy(space.begin() + static_cast<std::ptrdiff_t>(skipped), space.begin() + count, space.begin());
    }
    reader_.filled(static_cast<std::size_t>(count) - skipped);
    Frame frame;
    while (!is_silent_ && reader_.next(frame) == FrameReader::Next::kFrame) receive(frame);
    pool_.recycle();
  }
}

void AmqpServer::Session::write() {
  while (!out_.empty() && !is_reset_) {
    auto const room = std::min(out_.size(), send_limit_ - sent_);
    if (room == 0) return reach_send_limit();
    auto const count = ::send(fd_.get(), out_.data(), room, MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) return reset();
    sent_ += static_cast<std::size_t>(count);
    out_.erase(0, static_cast<std::size_t>(count));
  }
}

void AmqpServer::Session::reach_send_limit() {
  switch (at_limit_) {
    case AtLimit::kReset: return reset();
    case AtLimit::kHalfClose: return half_close();
    case AtLimit::kStop: return out_.clear();
  }
}

void AmqpServer::Session::half_close() noexcept {
  stop_after_sent(sent_);
  out_.clear();
  ::shutdown(fd_.get(), SHUT_WR);
}

void AmqpServer::Session::send_method(std::uint16_t channel, amqp_method_number_t method, void* fields) {
  ByteBuffer frame;
  append_method(frame, channel, method, fields);
  send(frame.view());
}

void AmqpServer::Session::send_content(std::uint16_t channel, std::string_view properties, std::uint64_t claimed_size,
                                       std::string_view body) {
  std::string header(12, '\0');
  store_big_endian(header.data(), std::uint16_t{AMQP_BASIC_CLASS});
  store_big_endian(header.data() + 4, claimed_size);
  header += properties;
  ByteBuffer frames;
  append_frame(frames, AMQP_FRAME_HEADER, channel, header);
  append_body(frames, channel, body, kFrameMax);
  send(frames.view());
}

void AmqpServer::Session::confirm(std::uint16_t channel, std::uint64_t tag, bool is_ack) {
  amqp_basic_ack_t ack{tag, 1};
  amqp_basic_nack_t nack{tag, 1, 0};
  if (is_ack) return send_method(channel, AMQP_BASIC_ACK_METHOD, &ack);
  send_method(channel, AMQP_BASIC_NACK_METHOD, &nack);
}

void AmqpServer::Session::close_channel(std::uint16_t channel, std::uint16_t code, std::string_view text) {
  amqp_channel_close_t close{};
  close.reply_code = code;
  close.reply_text = to_bytes(text);
  close.class_id = AMQP_BASIC_CLASS;
  send_method(channel, AMQP_CHANNEL_CLOSE_METHOD, &close);
}

void AmqpServer::Session::receive(Frame const& frame) {
  if (server_.hook_ && server_.hook_(*this, frame)) return;
  if (channels_.size() <= frame.channel) channels_.resize(frame.channel + std::size_t{1});
  auto& channel = channels_[frame.channel];
  if (frame.type == AMQP_FRAME_METHOD) return receive_method(frame);
  if (frame.type == AMQP_FRAME_HEADER) {
    channel.body_size = load_big_endian<std::uint64_t>(frame.payload.data() + 4);
    Properties properties;
    if (read_properties(frame.payload.substr(12), properties)) channel.message.id = properties.message_id;
    if (channel.body_size == 0) publish_complete(frame.channel);
  } else if (frame.type == AMQP_FRAME_BODY) {
    channel.message.body += frame.payload;
    if (channel.message.body.size() >= channel.body_size) publish_complete(frame.channel);
  }
}

void AmqpServer::Session::publish_complete(std::uint16_t channel) {
  auto& state = channels_[channel];
  ++state.tag;
  state.message.session = number_;
  {
    std::lock_guard const lock(server_.mutex_);
    server_.published_.push_back(std::exchange(state.message, {}));
  }
  if (confirms_) confirm(channel, state.tag);
}

void AmqpServer::Session::receive_method(Frame const& frame) {
  auto const method = load_big_endian<std::uint32_t>(frame.payload.data());
  auto const reply = [&](amqp_method_number_t answer) {
    std::uint64_t nothing[16] = {};  // every reply here is zero in all its fields
    send_method(frame.channel, answer, nothing);
  };
  void* decoded = nullptr;
  if (method != AMQP_CONNECTION_START_OK_METHOD) {
    (void)amqp_decode_method(method, pool_.get(), to_bytes(frame.payload.substr(4)), &decoded);
  }
  switch (method) {
    case AMQP_CONNECTION_START_OK_METHOD: {
      amqp_connection_tune_t tune{2047, kFrameMax, 60};
      return send_method(0, AMQP_CONNECTION_TUNE_METHOD, &tune);
    }
    case AMQP_CONNECTION_OPEN_METHOD: return reply(AMQP_CONNECTION_OPEN_OK_METHOD);
    case AMQP_CONNECTION_CLOSE_METHOD: reply(AMQP_CONNECTION_CLOSE_OK_METHOD); return hang_up();
    case AMQP_CHANNEL_OPEN_METHOD: channels_[frame.channel] = {}; return reply(AMQP_CHANNEL_OPEN_OK_METHOD);
    case AMQP_CHANNEL_CLOSE_METHOD: return reply(AMQP_CHANNEL_CLOSE_OK_METHOD);
    case AMQP_EXCHANGE_DECLARE_METHOD: return reply(AMQP_EXCHANGE_DECLARE_OK_METHOD);
    case AMQP_QUEUE_DECLARE_METHOD: {
      amqp_queue_declare_ok_t ok{static_cast<amqp_queue_declare_t*>(decoded)->queue, 0, 1};
      return send_method(frame.channel, AMQP_QUEUE_DECLARE_OK_METHOD, &ok);
    }
    case AMQP_QUEUE_BIND_METHOD: return reply(AMQP_QUEUE_BIND_OK_METHOD);
    case AMQP_BASIC_QOS_METHOD: return reply(AMQP_BASIC_QOS_OK_METHOD);
    case AMQP_CONFIRM_SELECT_METHOD: return reply(AMQP_CONFIRM_SELECT_OK_METHOD);
    case AMQP_BASIC_CONSUME_METHOD: {
      amqp_basic_consume_ok_t ok{static_cast<amqp_basic_consume_t*>(decoded)->consumer_tag};
      return send_method(frame.channel, AMQP_BASIC_CONSUME_OK_METHOD, &ok);
    }
    case AMQP_BASIC_PUBLISH_METHOD: {
      publish_channel_ = frame.channel;
      auto const& publish = *static_cast<amqp_basic_publish_t*>(decoded);
      channels_[frame.channel].message = {
          number_, std::string(to_view(publish.exchange)), std::string(to_view(publish.routing_key)), {}, {}};
      return;
    }
    default: return;
  }
}

}  // namespace fairlead::test
