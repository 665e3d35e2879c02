#pragma once

#include "core/host_port.hpp"

#include <fairlead/result.hpp>
#include <fairlead/secret.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead {

/// A parsed broker URL; escapes are decoded.
struct BrokerUrl {
  enum class Scheme { kMemory, kKafka, kKafkas, kAmqp, kAmqps };
  Scheme scheme = Scheme::kMemory;
  std::string user;
  Secret password;
  std::vector<HostPort> hosts;  ///< empty for memory
  /// AMQP virtual host (`/` when the URL has none), or the name of the memory broker.
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
};

/// Follows the RabbitMQ URI specification for `amqp[s]`, with several hosts as extension, and one deviation:
/// `amqp://host/` is the virtual host `/`, not the one with the empty name. Errors name the part that is wrong and
/// never repeat the password, wherever it stands.
[[nodiscard]] Result<BrokerUrl> parse_broker_url(std::string_view url);

}  // namespace fairlead
