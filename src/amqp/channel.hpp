#pragma once

#include "amqp/codec.hpp"
#include "amqp/content.hpp"
#include "amqp/frame_reader.hpp"

#include <fairlead/error.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::amqp {

class Connection;

/// A request to the broker and the reply that must follow.
struct Request {
  std::string payload;  ///< of the method frame
  amqp_method_number_t reply = 0;
  std::string what;  ///< for errors, such as `declare queue 'orders.billing'`
};
using Script = std::vector<Request>;

/// One AMQP channel of a connection. Opens itself with a script of requests, all sent at once, whenever the
/// connection comes (back) up, and again after the broker closed it. Everything here runs on the connection's I/O
/// thread.
class Channel {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Channel() = default;
  virtual ~Channel() = default;
  Channel(Channel const&) = delete;
  Channel& operator=(Channel const&) = delete;

  // --- for the Connection ---
  void attach(Connection& connection, std::uint16_t number) noexcept;
  void open();
  void receive(Frame const& frame);
  /// The connection is gone, or going.
  void lose(Error const& error);
  void advance_clock(TimePoint now);
  [[nodiscard]] TimePoint timer() const noexcept;
  /// There is no connection, and the last attempt at one failed. It is tried again.
  virtual void on_not_connected(Error const&) {}
  /// The I/O thread's answer to Mailbox::raise.
  virtual void on_raised() {}
  /// After on_content: everything that had arrived was handed out.
  virtual void on_read_end() {}

  [[nodiscard]] std::uint16_t number() const noexcept { return number_; }

 protected:
  /// What to ask when the channel was opened.
  virtual Script opening() = 0;
  /// Whether to open again when the connection is back.
  [[nodiscard]] virtual bool wants_open() const noexcept { return true; }
  /// Every reply of the script has come.
  virtual void on_open() = 0;
  /// The channel is gone, alone or with its connection, or could not be opened. It is opened again when the
  /// connection is back; for a channel that was closed alone, call reopen_at().
  virtual void on_lost(Error const& error, bool with_connection) = 0;
  /// The broker has answered close().
  virtual void on_closed() {}
  virtual void on_method(amqp_method_number_t method, void* fields) = 0;
  virtual void on_content(Content content) = 0;
  /// The time set by set_timer has come.
  virtual void on_timer(TimePoint) {}

  [[nodiscard]] Connection& connection() noexcept { return *connection_; }
  [[nodiscard]] bool is_attached() const noexcept { return connection_ != nullptr; }
  [[nodiscard]] bool is_open() const noexcept { return state_ == State::kOpen; }
  void send(amqp_method_number_t method, void* fields);
  /// Sends one more request on the open channel; its reply comes to on_method().
  void ask(Request request);
  void set_timer(TimePoint at);
  void reopen_at(TimePoint at);
  /// Asks the broker to close the channel; on_closed() or on_lost() follows.
  void close();

 private:
  enum class State { kDown, kOpening, kOpen, kClosing };

  void receive_method(Frame const& frame);
  void receive_close(std::string_view fields);
  void await_reply();
  void receive_content(Frame const& frame);
  void go_down(Error const& error, bool with_connection);

  Connection* connection_ = nullptr;
  std::uint16_t number_ = 0;
  State state_ = State::kDown;
  std::deque<Request> awaited_;  // requests sent, the oldest first
  TimePoint reply_deadline_ = TimePoint::max();
  TimePoint reopen_at_ = TimePoint::max();
  TimePoint timer_ = TimePoint::max();

  ContentAssembler content_;
};

}  // namespace fairlead::amqp
