#include "config/broker_url.hpp"

#include "config/secrets.hpp"
#include "core/text.hpp"

#include <fairlead/config.hpp>

#include <algorithm>
#include <iterator>

namespace fairlead {
namespace {

constexpr char const* kForms =
    "kafka[s]://host:port,host:port?property=value, amqp[s]://user:password@host:port/vhost or memory://name";

Error invalid(std::string const& what) { return {Errc::kInvalidConfig, "broker URL: " + what}; }

/// Cuts `text` at the first `separator` and gives the part in front of it.
std::string_view cut(std::string_view& text, char separator) {
  std::size_t const at = text.find(separator);
  std::string_view const front = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return front;
}

Result<std::vector<HostPort>> parse_hosts(std::string_view text, std::uint16_t default_port) {
  std::vector<HostPort> hosts;
  bool const is_list = text.find(',') != std::string_view::npos;
  for (bool is_last = false; !is_last;) {
    is_last = text.find(',') == std::string_view::npos;
    std::string_view const each = cut(text, ',');
    if (is_list && each.empty()) return invalid("a host is missing between two commas or at an end of the list");
    auto host = parse_host_port(each, default_port);
    if (!host) return invalid(host.error().message);
    hosts.push_back(*std::move(host));
  }
  return hosts;
}

Result<void> parse_query(std::string_view text, BrokerUrl& url) {
  static std::string const amqp_keys[] = {
      "heartbeat", "connection_timeout",     "channel_max",   "cacertfile", "certfile", "keyfile",
      "verify",    "server_name_indication", "auth_mechanism"};
  bool const is_amqp = url.scheme == BrokerUrl::Scheme::kAmqp || url.scheme == BrokerUrl::Scheme::kAmqps;
  while (!text.empty()) {
    std::string_view pair = cut(text, '&');
    if (pair.empty()) continue;
    auto const name = unescape_url(cut(pair, '='));
    auto const value = unescape_url(pair);
    if (!name || !value) return invalid("'%' without two hexadecimal digits in the query");
    if (url.scheme == BrokerUrl::Scheme::kMemory) return invalid("memory:// takes no query");
    bool const is_known =
        !is_amqp || std::find(std::begin(amqp_keys), std::end(amqp_keys), *name) != std::end(amqp_keys);
    if (!is_known) return invalid("unknown query key '" + *name + "'" + did_you_mean(*name, amqp_keys));
    bool const is_twice =
        std::any_of(url.query.begin(), url.query.end(), [&](auto const& known) { return known.first == *name; });
    if (is_twice) return invalid("the query key '" + *name + "' is there twice");
    url.query.emplace_back(*name, *value);
  }
  return {};
}

}  // namespace

Result<BrokerUrl> parse_broker_url(std::string_view text) {
  struct Known {
    std::string_view prefix;
    BrokerUrl::Scheme scheme;
    std::uint16_t port;
  };
  static constexpr Known kSchemes[] = {{"memory://", BrokerUrl::Scheme::kMemory, 0},
                                       {"kafka://", BrokerUrl::Scheme::kKafka, 9092},
                                       {"kafkas://", BrokerUrl::Scheme::kKafkas, 9093},
                                       {"amqp://", BrokerUrl::Scheme::kAmqp, 5672},
                                       {"amqps://", BrokerUrl::Scheme::kAmqps, 5671}};
  Known const* known = nullptr;
  for (auto const& each : kSchemes) {
    if (text.starts_with(each.prefix)) known = &each;
  }
  if (known == nullptr) return invalid(std::string("must be one of ") + kForms);

  BrokerUrl url;
  url.scheme = known->scheme;
  text.remove_prefix(known->prefix.size());
  // A password that was not escaped is told from the rest before anything else, so that no message below takes a piece
  // of it for a host, a port or a key.
  std::size_t const at_sign = text.find('@');
  bool const is_ambiguous = text.find('#') != std::string_view::npos || at_sign != text.rfind('@') ||
                            (at_sign != std::string_view::npos && at_sign > text.find_first_of("/?"));
  if (is_ambiguous) {
    return invalid("in a user, password, path or query write '@' as %40, '#' as %23, '/' as %2f and '?' as %3f");
  }
  std::string_view query = text;
  std::string_view const rest = cut(query, '?');
  if (auto parsed = parse_query(query, url); !parsed) return std::move(parsed).error();

  if (url.scheme == BrokerUrl::Scheme::kMemory) {
    url.path = rest.empty() ? "default" : std::string(rest);
    if (url.path.find_first_of("/@:") != std::string::npos)
      return invalid("the name of a memory broker has no '/', '@' or ':'");
    return url;
  }

  std::size_t const slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  if (std::size_t const at = authority.rfind('@'); at != std::string_view::npos) {
    std::string_view password = authority.substr(0, at);
    auto const user = unescape_url(cut(password, ':'));
    auto const secret = unescape_url(password);
    if (!user || !secret) return invalid("'%' without two hexadecimal digits in the user or password");
    url.user = *user;
    url.password = Secret(*secret);
    authority.remove_prefix(at + 1);
  }
  auto hosts = parse_hosts(authority, known->port);
  if (!hosts) return std::move(hosts).error();
  url.hosts = *std::move(hosts);

  bool const is_amqp = url.scheme == BrokerUrl::Scheme::kAmqp || url.scheme == BrokerUrl::Scheme::kAmqps;
  std::string_view const path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  if (!is_amqp) {
    if (!path.empty()) return invalid("kafka:// has no path; destinations are named in the configuration");
    return url;
  }
  // The RabbitMQ specification takes `amqp://host/` for the virtual host with the empty name, which nobody has; like
  // most clients Fairlead takes it for the default one.
  if (path.find('/') != std::string_view::npos)
    return invalid("the virtual host has one segment; write '/' in it as %2f");
  auto const vhost = unescape_url(path);
  if (!vhost) return invalid("'%' without two hexadecimal digits in the virtual host");
  url.path = vhost->empty() ? "/" : *vhost;
  return url;
}

std::string redacted_url(std::string_view url) {
  std::string shown(url);
  std::size_t const scheme = shown.find("://");
  std::size_t const begin = scheme == std::string::npos ? 0 : scheme + 3;
  // Where the password ends is only known of a URL that is well-formed.
  if (!parse_broker_url(url)) return shown.replace(begin, std::string::npos, "***");
  if (std::size_t const at = shown.rfind('@'); at != std::string::npos) {
    std::size_t const colon = shown.find(':', begin);
    if (colon < at) shown.replace(colon + 1, at - colon - 1, "***");
  }
  for (std::size_t query = shown.find('?'); query != std::string::npos;) {
    std::size_t const next = shown.find('&', query + 1);
    std::size_t const equals = shown.find('=', query);
    if (equals < next && is_secret_name(*unescape_url(std::string_view(shown).substr(query + 1, equals - query - 1)))) {
      std::size_t const length = next == std::string::npos ? std::string::npos : next - equals - 1;
      shown.replace(equals + 1, length, "***");
    }
    query = shown.find('&', query + 1);
  }
  return shown;
}

}  // namespace fairlead
