#include "core/host_port.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace fairlead {
namespace {

Error invalid(std::string what) { return {Errc::kInvalidConfig, std::move(what)}; }

}  // namespace

Result<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port) {
  HostPort host;
  host.port = default_port;
  std::string_view name = text;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {  // an IPv6 address
    std::size_t const end = text.find(']');
    if (end == std::string_view::npos) return invalid("'[' without ']' in the host");
    name = text.substr(1, end - 1);
    std::string_view const rest = text.substr(end + 1);
    has_port = rest.starts_with(':');
    if (!rest.empty() && !has_port) return invalid("something other than a port follows the host");
    if (has_port) port = rest.substr(1);
  } else if (std::size_t const colon = text.find(':'); colon != std::string_view::npos) {
    has_port = true;
    name = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  auto plain = unescape_url(name);
  if (!plain) return invalid("'%' without two hexadecimal digits in the host");
  bool const is_clean = std::all_of(plain->begin(), plain->end(), [](unsigned char c) { return c > ' ' && c != ','; });
  if (!is_clean) return invalid("spaces, commas and control characters cannot be in a host");
  host.host = plain->empty() ? "localhost" : *std::move(plain);
  if (has_port && !port.empty()) {
    unsigned number = 0;
    auto const [end, status] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (status != std::errc() || end != port.data() + port.size() || number == 0 || number > 65'535) {
      return invalid("the port of host '" + host.host + "' must be a number from 1 to 65535");
    }
    host.port = static_cast<std::uint16_t>(number);
  }
  return host;
}

}  // namespace fairlead
