#pragma once

#include "amqp/codec.hpp"
#include "amqp/frame_reader.hpp"
#include "core/event_fd.hpp"
#include "core/unique_fd.hpp"
#include "support/listener.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace fairlead::test {

/// An AMQP server on a free loopback port, as far as Fairlead needs one: everything declared exists, every publish is
/// confirmed, nothing is kept. A test takes over wherever it wants it to misbehave. Thread-safe.
class AmqpServer {
 public:
  class Session;
  /// Sees each frame before the server does; true: the server ignores it. Runs on the server's thread.
  using Hook = std::function<bool(Session&, amqp::Frame const&)>;
  using Greeting = std::function<void(Session&)>;

  struct Published {
    int session = 0;
    std::string exchange;
    std::string routing_key;
    std::string id;
    std::string body;
  };

  explicit AmqpServer(Hook hook = {}, Greeting on_accept = {});
  AmqpServer(AmqpServer const&) = delete;
  AmqpServer& operator=(AmqpServer const&) = delete;
  ~AmqpServer();

  [[nodiscard]] std::uint16_t port() const noexcept { return listener_.port; }
  [[nodiscard]] std::string url(std::string_view query = {}) const;

  /// Runs it on the server's thread for every connection there is, and returns when it has. What arrives later finds it
  /// done. Not on the server's thread.
  void for_each(std::function<void(Session&)> command);

  /// Connections accepted so far.
  [[nodiscard]] int accepted() const;
  /// What has arrived completely, in order.
  [[nodiscard]] std::vector<Published> published() const;
  [[nodiscard]] std::vector<std::string> bodies() const;
  /// Bytes sent and received on the last connection that ended.
  [[nodiscard]] std::size_t last_sent() const;
  [[nodiscard]] std::size_t last_received() const;

 private:
  void serve();
  void take_commands();
  void accept();

  Hook const hook_;
  Greeting const on_accept_;
  Listener const listener_;
  EventFd wake_;
  std::list<Session> sessions_;

  std::mutex mutable mutex_;
  bool is_stopped_ = false;
  std::vector<std::function<void(Session&)>> commands_;
  std::size_t commands_given_ = 0;
  std::size_t commands_taken_ = 0;
  std::condition_variable commands_done_;
  std::vector<Published> published_;
  int accepted_ = 0;
  std::size_t last_sent_ = 0;
  std::size_t last_received_ = 0;

  std::thread thread_;
};

/// One connection. Only on the server's thread.
class AmqpServer::Session {
 public:
  Session(AmqpServer& server, UniqueFd fd, int number);

  [[nodiscard]] int number() const noexcept { return number_; }  ///< 1 for the first connection

  void send(std::string_view bytes) { out_.append(bytes); }
  /// The answer to the client's protocol header, instead of a plain connection.start.
  void start_with(std::string_view frame) { start_ = frame; }
  void send_method(std::uint16_t channel, amqp_method_number_t method, void* fields);
  /// A content header and a body.
  void send_content(std::uint16_t channel, std::string_view properties, std::uint64_t claimed_size,
                    std::string_view body);
  /// The channel of the last publish.
  [[nodiscard]] std::uint16_t publish_channel() const noexcept { return publish_channel_; }
  /// basic.ack or basic.nack of all publishes on the channel up to the tag.
  void confirm(std::uint16_t channel, std::uint64_t tag, bool is_ack = true);
  void close_channel(std::uint16_t channel, std::uint16_t code, std::string_view text);

  /// Ends the connection once everything was sent.
  void hang_up() noexcept { is_ending_ = true; }
  /// Ends it now, with a reset.
  void reset() noexcept { is_reset_ = true; }
  /// From now on nothing is read, nor answered.
  void fall_silent() noexcept { is_silent_ = true; }
  /// Resets the connection when so many bytes were sent, or received; no more are.
  void cut_after_sent(std::size_t bytes) noexcept { send_limit_ = bytes; }
  /// Ends only its own direction then, and goes on reading.
  void half_close_after_sent(std::size_t bytes) noexcept {
    send_limit_ = bytes;
    at_limit_ = AtLimit::kHalfClose;
  }
  /// Says nothing more then, and goes on reading.
  void stop_after_sent(std::size_t bytes) noexcept {
    send_limit_ = bytes;
    at_limit_ = AtLimit::kStop;
  }
  void half_close() noexcept;
  void cut_after_received(std::size_t bytes) noexcept { receive_limit_ = bytes; }
  /// Off: publishes are not confirmed by themselves.
  void confirm_by_itself(bool does) noexcept { confirms_ = does; }

 private:
  friend class AmqpServer;
  enum class AtLimit { kReset, kHalfClose, kStop };
  struct Channel {
    std::uint64_t tag = 0;  // of the last publish
    Published message;
    std::uint64_t body_size = 0;
  };

  [[nodiscard]] short wanted() const noexcept;
  void read();
  void write();
  void reach_send_limit();
  void receive(amqp::Frame const& frame);
  void receive_method(amqp::Frame const& frame);
  void publish_complete(std::uint16_t channel);
  [[nodiscard]] bool is_over() const noexcept { return is_reset_ || (is_ending_ && out_.empty()); }

  AmqpServer& server_;
  UniqueFd fd_;
  int const number_;
  amqp::FrameReader reader_;
  amqp::Pool pool_;
  std::string out_;
  bool has_greeted_ = false;  // the client, with its protocol header
  std::string header_;
  std::string start_;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  std::size_t send_limit_ = std::numeric_limits<std::size_t>::max();
  std::size_t receive_limit_ = std::numeric_limits<std::size_t>::max();
  AtLimit at_limit_ = AtLimit::kReset;
  bool is_ending_ = false;
  bool is_reset_ = false;
  bool is_silent_ = false;
  bool confirms_ = true;
  std::uint16_t publish_channel_ = 0;
  std::vector<Channel> channels_;
};

}  // namespace fairlead::test
