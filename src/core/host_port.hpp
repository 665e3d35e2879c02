#pragma once

#include <fairlead/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead {

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(HostPort const&, HostPort const&) = default;
};

/// `host`, `host:port` or `[::1]:port` as they stand in a URL; escapes are decoded, no host means `localhost`. The
/// error's message says what is wrong with it and leaves to the caller to say in which URL.
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port);

}  // namespace fairlead
