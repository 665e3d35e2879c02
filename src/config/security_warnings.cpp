#include "config/security_warnings.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace fairlead {
namespace {

using Scheme = BrokerUrl::Scheme;

bool is_loopback(HostPort const& host) noexcept {
  return host.host == "localhost" || host.host == "::1" || host.host.starts_with("127.");
}

/// The value of a native setting, from `kafka.conf` or else the query of the URL; empty when it is not set.
std::string_view setting(Config const& config, BrokerUrl const& url, std::string_view name) noexcept {
  if (auto const found = config.kafka.conf.find(name); found != config.kafka.conf.end()) return found->second;
  for (auto const& [key, value] : url.query) {
    if (key == name) return value;
  }
  return {};
}

bool is_one_of(std::string_view value, std::initializer_list<std::string_view> words) noexcept {
  auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return std::equal(value.begin(), value.end(), word.begin(), word.end(),
                      [&](char a, char b) { return lower(a) == b; });
  });
}

bool sends_password_in_the_clear(Config const& config, BrokerUrl const& url) noexcept {
  bool const leaves_the_machine = !std::all_of(url.hosts.begin(), url.hosts.end(), is_loopback);
  if (!leaves_the_machine) return false;
  if (url.scheme == Scheme::kAmqp) return !url.user.empty();
  if (url.scheme != Scheme::kKafka) return false;
  auto const protocol = setting(config, url, "security.protocol");
  return protocol.empty() ? !url.user.empty() : is_one_of(protocol, {"sasl_plaintext"});
}

}  // namespace

std::vector<std::string> security_warnings(Config const& config, BrokerUrl const& url) {
  constexpr std::string_view kAnyone = ": anyone on the way can read and change what is sent";
  std::vector<std::string> warnings;
  auto const warn = [&](std::string_view what, std::string_view which) {
    warnings.push_back(std::string(what).append(" (").append(which).append(")").append(kAnyone));
  };
  bool const is_kafka = url.scheme == Scheme::kKafka || url.scheme == Scheme::kKafkas;
  if (url.scheme == Scheme::kAmqps && setting({}, url, "verify") == "verify_none") {
    warn("the broker's certificate is not verified", "broker URL: `verify=verify_none`");
  }
  if (is_kafka && is_one_of(setting(config, url, "enable.ssl.certificate.verification"), {"false", "f", "0"})) {
    warn("the broker's certificate is not verified", "kafka.conf.enable.ssl.certificate.verification: false");
  }
  if (is_kafka && is_one_of(setting(config, url, "ssl.endpoint.identification.algorithm"), {"none"})) {
    warn("the name in the broker's certificate is not verified",
         "kafka.conf.ssl.endpoint.identification.algorithm: none");
  }
  if (sends_password_in_the_clear(config, url)) {
    warn("the password crosses the network in the clear", is_kafka ? "use kafkas://" : "use amqps://");
  }
  return warnings;
}

}  // namespace fairlead
