#pragma once

#include "amqp/byte_buffer.hpp"
#include "amqp/connection_settings.hpp"
#include "amqp/frame_reader.hpp"
#include "amqp/login.hpp"
#include "amqp/transport.hpp"

#include <fairlead/error.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::amqp {

/// What happens on a link, told on its I/O thread.
class LinkEvents {
 public:
  virtual void on_open() = 0;
  /// A frame for a channel other than 0.
  virtual void on_frame(Frame const& frame) = 0;
  /// All bytes that had arrived were handed out.
  virtual void on_read_end() = 0;
  /// The broker has told publishers to wait, or to go on.
  virtual void on_blocked(bool is_blocked, std::string_view reason) = 0;
  /// Everything was written: more whole frames, which stay where they are until it is asked again. Empty: none now.
  virtual std::string_view next_bulk() = 0;

 protected:
  ~LinkEvents() = default;
};

/// One attempt at a connection to one host, from looking up its name until the socket is gone. Has no thread and never
/// blocks: the Connection tells it when the socket is ready and what time it is. Thread-compatible.
class Link {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// `wake` is called from another thread when a host name was looked up.
  Link(ConnectionSettings const& settings, HostPort host, std::shared_ptr<ChunkPool> chunks, LinkEvents& events,
       std::function<void()> wake, TimePoint now);

  /// -1 as long as there is no socket.
  [[nodiscard]] int fd() const noexcept { return transport_ ? transport_->fd() : -1; }
  [[nodiscard]] short wanted() const noexcept;
  [[nodiscard]] TimePoint next_deadline() const noexcept;

  /// Does what can be done: connects, reads when `is_readable`, writes, watches the heartbeat. An error ends the link.
  [[nodiscard]] std::optional<Error> advance(bool is_readable, TimePoint now);

  [[nodiscard]] bool is_open() const noexcept { return state_ == State::kOpen; }
  /// Says goodbye; is_closed() once the broker has answered.
  void begin_close();
  [[nodiscard]] bool is_closed() const noexcept { return state_ == State::kClosed; }

  /// The chunk in which the frame given to on_frame() is.
  [[nodiscard]] ReadChunk& chunk() noexcept { return reader_.chunk(); }
  /// Where channels append their frames. Whole frames only.
  [[nodiscard]] ByteBuffer& out() noexcept { return out_; }
  /// The peer broke the protocol: ends the link at the next advance().
  void fail(Error error);

  /// How much of what next_bulk() gave last has not gone into the socket.
  [[nodiscard]] std::size_t bulk_left() const noexcept { return bulk_.size(); }

  [[nodiscard]] std::size_t frame_max() const noexcept { return login_.frame_max(); }
  [[nodiscard]] std::uint16_t channel_max() const noexcept { return login_.channel_max(); }
  [[nodiscard]] std::string const& name() const noexcept { return name_; }

 private:
  enum class State { kResolving, kConnecting, kLoggingIn, kOpen, kClosing, kClosed };

  void resolve();
  /// False: not yet, or failed.
  [[nodiscard]] bool take_credentials();
  void open_next_address();
  void connect();
  void read();
  void receive(Frame const& frame);
  void receive_login(Frame const& frame);
  void receive_connection_method(std::string_view payload);
  void write();
  void watch_clock();
  [[nodiscard]] bool has_output() const noexcept { return !bulk_.empty() || written_ < out_.size(); }
  [[nodiscard]] Error lost(Error const& cause) const;

  ConnectionSettings const& settings_;
  HostPort host_;
  std::string name_;  // host:port, for messages
  LinkEvents& events_;
  Resolver resolver_;
  std::shared_ptr<CredentialsRequest> credentials_;  // until it was answered
  std::vector<Address> addresses_;                   // not tried yet, last one first
  std::unique_ptr<Transport> transport_;
  FrameReader reader_;
  Login login_;
  State state_ = State::kResolving;
  std::optional<Error> failure_;
  std::optional<Error> last_refusal_;  // of an address

  ByteBuffer out_;
  std::size_t written_ = 0;
  std::string_view bulk_;    // written before out_, once begun
  bool has_unread_ = false;  // stopped reading to be fair, not because the socket was empty

  TimePoint now_;
  TimePoint attempt_deadline_;
  TimePoint last_read_;
  TimePoint last_write_;
};

}  // namespace fairlead::amqp
