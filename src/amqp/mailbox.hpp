#pragma once

#include "core/event_fd.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace fairlead::amqp {

class Channel;
class Connection;

/// How other threads reach a connection's I/O thread. Outlives the connection, so that sinks and sources may too.
/// Thread-safe.
class Mailbox {
 public:
  using Command = std::function<void(Connection&)>;

  /// Runs the command on the I/O thread. False when the connection is closed: the command is not taken.
  [[nodiscard]] bool post(Command command);

  /// There are publishes to take. Costs a system call only when the I/O thread sleeps.
  void notify() noexcept;
  /// Calls `channel->on_raised()` on the I/O thread.
  void raise(std::shared_ptr<Channel> channel);

  // --- I/O thread ---
  struct Mail {
    std::vector<Command> commands;
    std::vector<std::shared_ptr<Channel>> raised;
  };
  /// Swaps out what has arrived. `mail` must be empty; its capacity is used again.
  void collect(Mail& mail);
  /// The I/O thread is about to sleep on fd(). False: something arrived, do not sleep.
  [[nodiscard]] bool prepare_sleep() noexcept;
  void end_sleep() noexcept;
  [[nodiscard]] int fd() const noexcept { return event_.fd(); }
  /// From now on post() answers false.
  void close();

 private:
  EventFd event_;
  std::atomic<bool> has_news_{false};
  std::atomic<bool> is_sleeping_{false};
  std::mutex mutex_;
  Mail mail_;
  bool is_closed_ = false;
};

}  // namespace fairlead::amqp
