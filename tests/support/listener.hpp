#pragma once

#include "core/unique_fd.hpp"
#include "support/loopback.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace fairlead::test {

struct Listener {
  UniqueFd fd;
  std::uint16_t port = 0;
};

/// Listens on a free loopback port. `flags`: SOCK_NONBLOCK, or none. Throws std::system_error.
[[nodiscard]] inline Listener listen_on_loopback(int flags = 0) {
  constexpr int kBacklog = 64;
  Listener listener{UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)), 0};
  auto address = loopback();
  socklen_t size = sizeof address;
  bool const is_up = ::bind(listener.fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::listen(listener.fd.get(), kBacklog) == 0 &&
                     ::getsockname(listener.fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (!is_up) throw std::system_error(errno, std::generic_category(), "cannot listen on loopback");
  listener.port = ntohs(address.sin_port);
  return listener;
}

}  // namespace fairlead::test
