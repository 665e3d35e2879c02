#pragma once

#include "amqp/channel.hpp"
#include "amqp/confirm_ring.hpp"
#include "amqp/connection.hpp"
#include "amqp/publish_encoder.hpp"
#include "publish/confirm_window.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace fairlead::amqp {

/// The channel on which all destinations publish, in confirm mode. Publishers encode their frames into a shared buffer
/// on their own thread; the I/O thread swaps it out and writes it in as few system calls as the socket allows.
///
/// What was not written when the connection breaks waits for the next one; what was written and not confirmed ends as
/// kConnectionLost, because the broker may have it.
class PublishChannel final : public Channel,
                             public std::enable_shared_from_this<PublishChannel>,
                             private Connection::BulkSource {
 public:
  PublishChannel(std::shared_ptr<ConfirmWindow> window, std::shared_ptr<Mailbox> mailbox,
                 std::size_t expected_in_flight);

  // --- any thread ---
  /// Takes the message, or not: see Sink::publish. Messages of one caller keep their order.
  [[nodiscard]] Result<void> publish(PublishEncoder const& encoder, std::string_view exchange,
                                     std::string_view routing_key, Outbound const& message, PendingPublish& pending);
  /// Refuses everything from now on and ends all that is pending with kClosed.
  void shut();

  // --- I/O thread ---
  /// Attaches to the connection and becomes what fills its output.
  [[nodiscard]] Result<void> start(Connection& connection);
  /// Declared again with each new connection.
  void remember(std::string const& destination, Script declaration);

 private:
  Script opening() override;
  void on_open() override;
  void on_lost(Error const& error, bool with_connection) override;
  void on_method(amqp_method_number_t method, void* fields) override;
  void on_content(Content content) override;
  void on_read_end() override;
  void on_timer(TimePoint now) override;

  void on_blocked() override;
  bool refill(ByteBuffer& empty) override;
  void give_back(std::string_view refilled, std::size_t written) override;

  void settle(std::uint64_t tag, bool multiple, bool is_ack);
  void fail_written(Error const& error);
  void end_expired(TimePoint now);
  void drop_unsent(TimePoint now, std::uint64_t staged_begin);
  void watch_deadlines();
  void touch();

  std::shared_ptr<ConfirmWindow> const window_;
  std::shared_ptr<Mailbox> const mailbox_;

  std::mutex mutex_;  // short: encoding one message, or taking the answers of one read
  ByteBuffer staged_;
  std::uint64_t stream_end_ = 0;  // bytes staged so far; staged_ is the end of that stream
  ConfirmRing ring_;
  std::size_t frame_max_ = kFrameMax;
  bool is_shut_ = false;

  // --- I/O thread ---
  std::map<std::string, Script, std::less<>> declarations_;
  CompletionBatch batch_;
  std::uint64_t written_end_ = 0;  // where in the stream everything before belongs to the broker
  TimePoint last_answer_{};
  bool is_touched_ = false;
  bool is_timer_set_ = false;
};

}  // namespace fairlead::amqp
