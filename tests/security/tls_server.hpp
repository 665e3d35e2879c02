#pragma once

#include "core/event_fd.hpp"
#include "support/listener.hpp"

#include <atomic>
#include <string>
#include <thread>

namespace fairlead::security {

/// A peer on a free loopback port that shakes hands with the certificate it was given, and no more.
class TlsServer {
 public:
  /// `certificate` is the path of `X.crt`, beside which `X.key` is. `newest`: TLS1_1_VERSION, ...; 0 for any.
  explicit TlsServer(std::string const& certificate, int newest = 0);
  TlsServer(TlsServer const&) = delete;
  TlsServer& operator=(TlsServer const&) = delete;
  ~TlsServer();

  [[nodiscard]] std::string port() const { return std::to_string(listener_.port); }
  /// Who came, and who trusted it.
  [[nodiscard]] int connections() const noexcept { return connections_; }
  [[nodiscard]] int handshakes() const noexcept { return handshakes_; }

 private:
  void serve();
  void shake_hands(int client);

  void* context_ = nullptr;  // SSL_CTX
  test::Listener const listener_;
  EventFd stop_;
  std::atomic<int> connections_{0};
  std::atomic<int> handshakes_{0};
  std::thread thread_;
};

}  // namespace fairlead::security
