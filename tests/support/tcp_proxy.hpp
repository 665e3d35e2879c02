#pragma once

#include <cstdint>
#include <memory>

namespace fairlead::test {

/// Stands between a client and a server on loopback, and becomes a black hole when told to: connections stay, and
/// nothing comes through any more. Thread-safe.
class TcpProxy {
 public:
  /// Throws std::system_error.
  explicit TcpProxy(std::uint16_t server_port);
  TcpProxy(TcpProxy const&) = delete;
  TcpProxy& operator=(TcpProxy const&) = delete;
  ~TcpProxy();

  [[nodiscard]] std::uint16_t port() const noexcept;
  void swallow_everything() noexcept;
  /// Ends the connections that were in the hole.
  void heal() noexcept;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace fairlead::test
