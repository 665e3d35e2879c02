#pragma once

#include "amqp/channel.hpp"
#include "amqp/confirm_ring.hpp"
#include "amqp/connection.hpp"
#include "amqp/frame_log.hpp"
#include "amqp/publish_encoder.hpp"
#include "publish/confirm_window.hpp"

#include <fairlead/config.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::amqp {

/// The channel on which all destinations publish, in confirm mode. Publishers encode their frames into a shared buffer
/// on their own thread; the I/O thread swaps it out and writes it in as few system calls as the socket allows.
///
/// What was not written when the connection breaks waits for the next one. What was written and not confirmed is sent
/// again on the next one, before anything newer, or ends as kConnectionLost, because the broker may have it; as
/// `publish.unconfirmed` says. When the broker itself closes the channel over a message, without telling which, those
/// that were on their way are sent again one at a time: the one that is alone when it happens again is given up.
class PublishChannel final : public Channel,
                             public std::enable_shared_from_this<PublishChannel>,
                             public UnsentPublishes,
                             private Connection::BulkSource {
 public:
  PublishChannel(std::shared_ptr<ConfirmWindow> window, std::shared_ptr<Mailbox> mailbox,
                 std::size_t expected_in_flight, OnUnconfirmed policy);

  // --- any thread ---
  /// Takes the message, or not: see Sink::publish. Messages of one caller keep their order.
  [[nodiscard]] Result<void> publish(PublishEncoder const& encoder, std::string_view exchange,
                                     std::string_view routing_key, Outbound const& message, PendingPublish& pending);
  /// Refuses everything from now on and ends all that is pending with kClosed.
  void shut();
  void give_up_unsent(TimePoint now) override;

  // --- I/O thread ---
  /// Attaches to the connection and becomes what fills its output.
  [[nodiscard]] Result<void> start(Connection& connection);
  /// Declared again with each new connection.
  void remember(std::string const& destination, Script declaration);

 private:
  Script opening() override;
  void on_open() override;
  void on_lost(Error const& error, bool with_connection) override;
  void on_not_connected(Error const& error) override;
  void on_method(amqp_method_number_t method, void* fields) override;
  void on_content(Content content) override;
  void on_read_end() override;
  void on_timer(TimePoint now) override;

  void on_blocked() override;
  std::string_view next_bulk() override;
  void on_unwritten(std::size_t bytes) override;

  void settle(std::uint64_t tag, bool multiple, bool is_ack);
  /// Tells how many messages the broker may have closed the channel over.
  std::size_t requeue_or_fail(Error const& error);
  void cut_smaller(std::size_t frame_max);
  void keep_frames(Unconfirmed& message, std::string_view frames);
  void gather_frames();
  void forget_frames(Unconfirmed& message) noexcept;
  void end_expired(TimePoint now);
  /// With the mutex held.
  void end_expired_unsent(CompletionBatch& batch, TimePoint now);
  void watch_deadlines();
  void touch();

  std::shared_ptr<ConfirmWindow> const window_;
  std::shared_ptr<Mailbox> const mailbox_;
  bool const resends_;

  std::mutex mutex_;  // short: encoding one message, or taking the answers of one read
  FrameLog log_;
  ConfirmRing ring_;
  std::size_t frame_max_ = kFrameMax;
  bool is_shut_ = false;
  std::optional<Error> obstacle_;  // why nothing is sent now

  // --- I/O thread ---
  std::map<std::string, Script, std::less<>> declarations_;
  CompletionBatch batch_;
  // What next_bulk() gave last: messages that lie behind each other in one segment.
  struct Bulk {
    FrameLog::Segment* segment = nullptr;
    std::size_t end = 0;          // in the segment
    std::uint64_t first_tag = 0;  // 0: the channel on which it had tags is gone
    bool is_suspect = false;      // one message, and nothing else on its way
  };
  Bulk bulk_;
  std::size_t gather_above_ = 0;  // bytes of the log
  bool was_open_ = false;
  TimePoint last_answer_{};
  bool is_touched_ = false;
  bool is_timer_set_ = false;
};

}  // namespace fairlead::amqp
