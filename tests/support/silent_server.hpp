#pragma once

#include "core/event_fd.hpp"
#include "support/listener.hpp"

#include <string>
#include <thread>

namespace fairlead::test {

/// A peer on a free loopback port that accepts and never speaks the protocol.
class SilentServer {
 public:
  enum class After {
    kWait,   ///< says nothing more
    kReset,  ///< ends its own side, then resets the connection while the client is still sending
  };

  /// `greeting` is what it sends to who connects.
  explicit SilentServer(std::string greeting = "", After after = After::kWait);
  SilentServer(SilentServer const&) = delete;
  SilentServer& operator=(SilentServer const&) = delete;
  ~SilentServer();

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(listener_.port); }
  [[nodiscard]] std::string url() const { return "redis://" + address(); }

 private:
  void serve();

  std::string greeting_;
  After after_;
  Listener const listener_;
  EventFd stop_;
  std::thread thread_;
};

}  // namespace fairlead::test
