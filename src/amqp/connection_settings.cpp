#include "amqp/connection_settings.hpp"

#include <charconv>
#include <string_view>

namespace fairlead::amqp {

namespace {

Error bad_query(std::string_view name, std::string_view expected) {
  return {Errc::kInvalidConfig, "broker URL: `" + std::string(name) + "` must be " + std::string(expected), false,
          false, 0};
}

std::optional<int> whole_number(std::string_view text, int min, int max) {
  int value = 0;
  auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size() || value < min || value > max) return std::nullopt;
  return value;
}

Result<void> apply(std::string_view name, std::string const& value, ConnectionSettings& settings) {
  auto const tls_only = [&]() -> Result<TlsSettings*> {
    if (settings.tls) return &*settings.tls;
    return Error{Errc::kInvalidConfig, "broker URL: `" + std::string(name) + "` needs amqps://", false, false, 0};
  };
  if (name == "cacertfile" || name == "certfile" || name == "keyfile" || name == "server_name_indication") {
    auto tls = tls_only();
    if (!tls) return tls.error();
    auto& field = name == "cacertfile" ? (*tls)->ca_file
                  : name == "certfile" ? (*tls)->certificate_file
                  : name == "keyfile"  ? (*tls)->key_file
                                       : (*tls)->server_name;
    field = value;
  } else if (name == "verify") {
    auto tls = tls_only();
    if (!tls) return tls.error();
    if (value != "verify_peer" && value != "verify_none") return bad_query(name, "verify_peer or verify_none");
    (*tls)->verify = value == "verify_peer";
  } else if (name == "auth_mechanism") {
    if (value != "plain" && value != "external") return bad_query(name, "plain or external");
    settings.sasl_external = value == "external";
  } else if (name == "heartbeat") {
    auto const seconds = whole_number(value, 1, 3600);
    if (!seconds) return bad_query(name, "1 to 3600 (seconds)");
    settings.heartbeat = std::chrono::seconds(*seconds);
  } else if (name == "connection_timeout") {
    auto const timeout = whole_number(value, 1, 3'600'000);
    if (!timeout) return bad_query(name, "1 to 3600000 (milliseconds)");
    settings.connect_timeout = std::chrono::milliseconds(*timeout);
  } else if (name == "channel_max") {
    auto const channels = whole_number(value, 1, 65'535);
    if (!channels) return bad_query(name, "1 to 65535");
    settings.channel_max = static_cast<std::uint16_t>(*channels);
  } else {
    return Error{Errc::kInvalidConfig,
                 "broker URL: unknown key `" + std::string(name) +
                     "` (known: cacertfile, certfile, keyfile, verify, server_name_indication, auth_mechanism, "
                     "heartbeat, connection_timeout, channel_max)",
                 false, false, 0};
  }
  return {};
}

}  // namespace

Result<ConnectionSettings> connection_settings(Config const& config, BrokerUrl const& url) {
  ConnectionSettings settings;
  if (url.hosts.empty()) return bad_query("host", "given");
  settings.hosts = url.hosts;
  // A host that swallows packets must leave time for the others.
  settings.connect_timeout = config.connection.connect_timeout / static_cast<int>(url.hosts.size());
  // RabbitMQ's own default, which works from the broker's machine only.
  settings.user = url.user.empty() ? "guest" : url.user;
  settings.password = url.user.empty() ? Secret("guest") : url.password;
  settings.vhost = url.path;
  settings.heartbeat = config.amqp.heartbeat;
  settings.name = config.service;
  settings.backoff = {config.connection.backoff_initial, config.connection.backoff_max};
  if (url.scheme == BrokerUrl::Scheme::kAmqps) settings.tls.emplace();
  for (auto const& [name, value] : url.query) {
    if (auto applied = apply(name, value, settings); !applied) return std::move(applied).error();
  }
  if (settings.tls && settings.tls->certificate_file.empty() != settings.tls->key_file.empty()) {
    return bad_query("certfile", "given together with `keyfile`");
  }
  return settings;
}

}  // namespace fairlead::amqp
