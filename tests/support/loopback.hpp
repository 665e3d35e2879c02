#pragma once

#include <netinet/in.h>

#include <cstdint>

namespace fairlead::test {

/// 127.0.0.1; port 0 for any that is free.
[[nodiscard]] inline sockaddr_in loopback(std::uint16_t port = 0) noexcept {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace fairlead::test
