#pragma once

#include "amqp/channel.hpp"
#include "amqp/feed.hpp"
#include "amqp/mailbox.hpp"
#include "amqp/settlement.hpp"
#include "amqp/waiter.hpp"
#include "consume/source.hpp"
#include "resilience/backoff.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace fairlead::amqp {

/// The consumer of one queue on a channel of its own, which is one lane of a subscription. Subscribes again whenever
/// connection, channel or queue were lost.
class Consumer final : public Channel, public std::enable_shared_from_this<Consumer> {
 public:
  Consumer(std::shared_ptr<SourceSpec const> spec, std::shared_ptr<Feed> feed, std::shared_ptr<Mailbox> mailbox,
           std::int32_t partition);

  /// A queue per partition, except for a group of its own and for dead letters.
  [[nodiscard]] static std::int32_t queue_count(SourceSpec const& spec) noexcept;

  /// Set when the consumer runs for the first time, or the broker refused it.
  [[nodiscard]] std::shared_ptr<Waiter> const& started() const noexcept { return started_; }

  /// Everything up to the position is settled. Any thread.
  void settle(std::uint32_t epoch, std::int64_t position) noexcept;

  // --- I/O thread ---
  /// The feed was stopped: lets others have the messages as soon as order allows.
  void stop();
  /// Acks what is settled and gives the rest back. `done` is set when the broker has answered, or at the deadline;
  /// after that the feed is not touched any more.
  void leave(TimePoint deadline, std::shared_ptr<Waiter> done);

  void on_not_connected(Error const& error) override;
  void on_raised() override;
  void on_read_end() override;

 private:
  Script opening() override;
  [[nodiscard]] bool wants_open() const noexcept override;
  void on_open() override;
  void on_lost(Error const& error, bool with_connection) override;
  void on_closed() override;
  void on_method(amqp_method_number_t method, void* fields) override;
  void on_content(Content content) override;
  void on_timer(TimePoint now) override;

  [[nodiscard]] bool fill(Inbound& message, amqp_basic_deliver_t const& delivery, Content& content) const;
  void take_routing_key(Inbound& message, amqp_basic_deliver_t const& delivery) const;
  void acknowledge();
  void check_queue();
  void resubscribe();
  void plan_timer();
  void hand_over_when_settled();
  void lose_lane();
  void reopen_later();
  void finish(Result<void> result, bool is_closed);

  std::shared_ptr<SourceSpec const> const spec_;
  std::shared_ptr<Feed> const feed_;
  std::shared_ptr<Mailbox> const mailbox_;
  std::int32_t const partition_;
  std::uint16_t const prefetch_;
  std::uint64_t const ack_batch_;
  std::shared_ptr<Waiter> const started_ = std::make_shared<Waiter>();
  Settlement settlement_;

  // --- I/O thread ---
  Lane lane_;
  bool is_lane_open_ = false;
  bool is_touched_ = false;
  TimePoint ack_at_ = TimePoint::max();
  TimePoint check_at_ = TimePoint::max();
  bool is_idle_ = true;  // nothing was delivered since the last check
  std::string queue_;
  std::uint64_t last_delivered_ = 0;  // the last tag given to the intake
  TimePoint opened_at_;
  Backoff backoff_;
  std::shared_ptr<Waiter> left_;  // set while leaving
};

}  // namespace fairlead::amqp
