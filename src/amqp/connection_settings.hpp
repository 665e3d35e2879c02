#pragma once

#include "broker/credentials_desk.hpp"
#include "config/broker_url.hpp"
#include "resilience/backoff.hpp"

#include <fairlead/config.hpp>
#include <fairlead/result.hpp>
#include <fairlead/secret.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::amqp {

struct TlsSettings {
  std::string ca_file;  ///< empty: the system's certificate authorities
  std::string certificate_file;
  std::string key_file;
  std::string server_name;  ///< empty: the host
  bool verify = true;
};

/// Everything a connection needs to know, from the broker URL and the configuration.
struct ConnectionSettings {
  std::vector<HostPort> hosts;
  std::string user;
  Secret password;
  std::shared_ptr<CredentialsDesk> credentials;  ///< asked at each connection instead; may be null
  std::string vhost;
  bool sasl_external = false;  ///< log in as the client certificate's subject
  std::optional<TlsSettings> tls;
  std::chrono::seconds heartbeat{10};
  std::chrono::milliseconds connect_timeout{10'000};  ///< of one host, until the login is done
  std::chrono::milliseconds reply_timeout{10'000};    ///< between two replies of the broker to what was asked
  std::uint16_t channel_max = 2047;
  std::string name;  ///< as the broker's operator sees it
  BackoffPolicy backoff;
};

/// Query keys follow the RabbitMQ URI specification; an unknown one is refused by name.
[[nodiscard]] Result<ConnectionSettings> connection_settings(Config const& config, BrokerUrl const& url);

}  // namespace fairlead::amqp
