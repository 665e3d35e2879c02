#pragma once

#include "amqp/channel.hpp"
#include "amqp/connection_settings.hpp"
#include "amqp/link.hpp"
#include "amqp/mailbox.hpp"
#include "amqp/reconnect_policy.hpp"
#include "core/thread.hpp"

#include <fairlead/health.hpp>
#include <fairlead/logger.hpp>
#include <fairlead/result.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace fairlead::amqp {

/// A connection to the broker that comes back by itself, and the one I/O thread that owns it and all its channels.
class Connection final : private LinkEvents {
 public:
  using Clock = std::chrono::steady_clock;
  using TimePoint = Clock::time_point;

  /// Begins to connect. The logger must outlive the connection.
  Connection(ConnectionSettings settings, Logger& logger);
  ~Connection();
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;

  // --- any thread ---
  /// Waits until the connection is open. Fails at once on what time does not cure, such as a wrong password.
  [[nodiscard]] Result<void> wait_open(TimePoint deadline);
  [[nodiscard]] BrokerHealth health() const;
  [[nodiscard]] std::shared_ptr<Mailbox> const& mailbox() const noexcept { return mailbox_; }
  /// Says goodbye to the broker, at most until the deadline, and ends the thread. Channels are lost with kClosed.
  void close(TimePoint deadline);

  // --- I/O thread: for channels and commands ---
  /// Gives the channel a number for its life and opens it when there is a connection.
  [[nodiscard]] Result<void> attach(std::shared_ptr<Channel> channel);
  /// Forgets a channel. `is_closed`: the broker knows, so its number can be used again.
  void detach(Channel& channel, bool is_closed);
  [[nodiscard]] bool is_open() const noexcept { return link_ && link_->is_open(); }
  [[nodiscard]] bool is_blocked() const noexcept { return is_blocked_; }
  /// Why publishers must wait; empty when they need not.
  [[nodiscard]] std::optional<Error> const& blocked() const noexcept { return blocked_; }
  [[nodiscard]] TimePoint now() const noexcept { return now_; }
  [[nodiscard]] ConnectionSettings const& settings() const noexcept { return settings_; }
  [[nodiscard]] ByteBuffer& out() noexcept { return link_->out(); }
  [[nodiscard]] std::size_t frame_max() const noexcept { return link_->frame_max(); }
  [[nodiscard]] ReadChunk& chunk() noexcept { return link_->chunk(); }
  [[nodiscard]] Pool& pool() noexcept { return pool_; }
  /// advance_clock() of the channels is called at that time, or before.
  void schedule(TimePoint at) noexcept { timer_ = std::min(timer_, at); }
  /// on_read_end() of the channel is called when all that has arrived was handed out.
  void call_at_read_end(Channel& channel) { touched_.push_back(&channel); }
  /// Ends the link, and comes back with a new one.
  void fail(Error error) {
    if (link_) link_->fail(std::move(error));
  }
  /// The one channel that publishes, or null: gives frames when everything else was written, and hears at a loss how
  /// many of the bytes that it gave last were not written.
  class BulkSource {
   public:
    virtual std::string_view next_bulk() = 0;
    /// The broker has blocked publishers, or unblocked them: next_bulk() is not called in between.
    virtual void on_blocked() = 0;
    virtual void on_unwritten(std::size_t bytes) = 0;

   protected:
    ~BulkSource() = default;
  };
  void set_bulk_source(BulkSource* source) noexcept { bulk_ = source; }

 private:
  struct Slot {
    std::shared_ptr<Channel> channel;
    bool is_retired = false;  // forgotten by us, but not yet by the broker
  };

  void run();
  [[nodiscard]] bool is_finished() const noexcept;
  void take_mail();
  void begin_closing(TimePoint deadline);
  void plan_attempt(std::chrono::milliseconds at_least);
  void start_attempt();
  void end_link(Error const& error);
  void run_timers();
  void sleep();
  void lose_channels(Error const& error);
  void log(LogLevel level, std::string_view text, std::string_view reason, std::chrono::milliseconds retry_in = {});

  void on_open() override;
  void on_frame(Frame const& frame) override;
  void on_read_end() override;
  void on_blocked(bool is_blocked, std::string_view reason) override;
  std::string_view next_bulk() override;

  ConnectionSettings const settings_;
  Logger& logger_;
  std::shared_ptr<Mailbox> const mailbox_ = std::make_shared<Mailbox>();

  // --- I/O thread ---
  std::shared_ptr<ChunkPool> chunks_ = std::make_shared<ChunkPool>();
  Pool pool_;
  ReconnectPolicy policy_;
  std::unique_ptr<Link> link_;
  HostPort next_host_;
  TimePoint attempt_at_;
  std::vector<Slot> slots_;  // by channel number - 1
  std::vector<Channel*> touched_;
  std::vector<std::shared_ptr<Channel>> detached_;  // kept until none of their functions runs any more
  BulkSource* bulk_ = nullptr;
  Mailbox::Mail mail_;
  TimePoint now_;
  TimePoint timer_ = TimePoint::max();
  bool is_readable_ = false;
  bool is_blocked_ = false;
  bool is_closing_ = false;
  TimePoint close_deadline_ = TimePoint::max();

  // --- shared with wait_open and health ---
  std::mutex mutable mutex_;
  std::condition_variable changed_;
  bool is_open_told_ = false;
  std::optional<Error> last_error_;  // this and the next are written by the I/O thread alone
  std::optional<Error> blocked_;
  std::uint64_t reconnects_ = 0;
  bool was_open_ = false;

  std::mutex close_mutex_;
  Thread thread_;  // last: everything else exists when it starts
};

}  // namespace fairlead::amqp
