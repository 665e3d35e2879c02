#include "config/broker_url.hpp"

#include <fairlead/config.hpp>

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace fairlead {

void PrintTo(HostPort const& host, std::ostream* out) { *out << host.host << ':' << host.port; }

namespace {

using Hosts = std::vector<HostPort>;
using Scheme = BrokerUrl::Scheme;

std::string complaint(std::string const& url) {
  auto const parsed = parse_broker_url(url);
  return parsed ? "none" : parsed.error().message;
}

TEST(AmqpUrl, ReadsTheExamplesOfTheSpecification) {
  // https://www.rabbitmq.com/docs/uri-spec, appendix A. Where it says that a part is absent, the default stands.
  struct Example {
    std::string url, user, password, host;
    std::uint16_t port;
    std::string vhost;
  };
  std::vector<Example> const examples{
      {"amqp://user:pass@host:10000/vhost", "user", "pass", "host", 10000, "vhost"},
      {"amqp://user%61:%61pass@ho%61st:10000/v%2fhost", "usera", "apass", "hoast", 10000, "v/host"},
      {"amqp://", "", "", "localhost", 5672, "/"},
      {"amqp://:@/", "", "", "localhost", 5672, "/"},
      {"amqp://user@", "user", "", "localhost", 5672, "/"},
      {"amqp://user:pass@", "user", "pass", "localhost", 5672, "/"},
      {"amqp://host", "", "", "host", 5672, "/"},
      {"amqp://:10000", "", "", "localhost", 10000, "/"},
      {"amqp:///vhost", "", "", "localhost", 5672, "vhost"},
      {"amqp://host/", "", "", "host", 5672, "/"},
      {"amqp://host/%2f", "", "", "host", 5672, "/"},
      {"amqp://[::1]", "", "", "::1", 5672, "/"},
  };
  for (auto const& example : examples) {
    SCOPED_TRACE(example.url);
    auto const url = parse_broker_url(example.url);
    ASSERT_TRUE(url) << url.error().message;
    EXPECT_EQ(url->scheme, Scheme::kAmqp);
    EXPECT_EQ(url->user, example.user);
    EXPECT_EQ(url->password.reveal(), example.password);
    EXPECT_EQ(url->hosts, (Hosts{{example.host, example.port}}));
    EXPECT_EQ(url->path, example.vhost);
  }
}

TEST(AmqpUrl, TakesSeveralHostsAndTheTlsPort) {
  auto const url = parse_broker_url("amqps://me:secret@h1,h2:5,[2001:db8::1]:6,[::1]/v").value();
  EXPECT_EQ(url.scheme, Scheme::kAmqps);
  EXPECT_EQ(url.hosts, (Hosts{{"h1", 5671}, {"h2", 5}, {"2001:db8::1", 6}, {"::1", 5671}}));
  EXPECT_EQ(url.path, "v");
}

TEST(AmqpUrl, KeepsAPasswordWithColonsAndEscapes) {
  EXPECT_EQ(parse_broker_url("amqp://u:a:b%40%2F%23%3f%25@h").value().password.reveal(), "a:b@/#?%");
}

TEST(AmqpUrl, TakesTheQueryKeysOfTheSpecificationOnly) {
  auto const url = parse_broker_url(
                       "amqps://h/v?heartbeat=5&connection_timeout=7&channel_max=3&cacertfile=%2Fca.pem&certfile=c&"
                       "keyfile=k&verify=verify_peer&server_name_indication=h&auth_mechanism=external")
                       .value();
  ASSERT_EQ(url.query.size(), 9U);
  EXPECT_EQ(url.query[3], (std::pair<std::string, std::string>("cacertfile", "/ca.pem")));
  EXPECT_EQ(complaint("amqp://h?hartbeat=5"), "broker URL: unknown query key 'hartbeat' (did you mean 'heartbeat'?)");
  EXPECT_EQ(complaint("amqp://h?heartbeat=5&heartbeat=6"), "broker URL: the query key 'heartbeat' is there twice");
}

TEST(KafkaUrl, TakesHostsCredentialsAndAnyProperty) {
  auto const url = parse_broker_url("kafka://me:secret@h1,h2:9099?linger.ms=5&ssl.ca.location=/ca.pem").value();
  EXPECT_EQ(url.scheme, Scheme::kKafka);
  EXPECT_EQ(url.hosts, (Hosts{{"h1", 9092}, {"h2", 9099}}));
  EXPECT_EQ(url.user, "me");
  EXPECT_EQ(url.password.reveal(), "secret");
  EXPECT_EQ(url.query,
            (std::vector<std::pair<std::string, std::string>>{{"linger.ms", "5"}, {"ssl.ca.location", "/ca.pem"}}));
  EXPECT_EQ(parse_broker_url("kafkas://h").value().hosts, (Hosts{{"h", 9093}}));
  EXPECT_TRUE(parse_broker_url("kafka://h/"));
  EXPECT_FALSE(parse_broker_url("kafka://h/orders"));
}

TEST(MemoryUrl, IsAName) {
  EXPECT_EQ(parse_broker_url("memory://demo").value().path, "demo");
  EXPECT_EQ(parse_broker_url("memory://").value().path, "default");
  for (auto const* url : {"memory://a/b", "memory://a:1", "memory://u@a", "memory://a?x=1"}) {
    EXPECT_FALSE(parse_broker_url(url)) << url;
  }
}

TEST(BrokerUrl, RefusesWhatIsMalformedAndSaysWhichPart) {
  std::vector<std::pair<std::string, std::string>> const cases{
      {"", "must be one of"},
      {"host:9092", "must be one of"},
      {"rabbitmq://host", "must be one of"},
      {"amqp:/host", "must be one of"},
      {"amqp://host:0", "port of host 'host'"},
      {"amqp://host:65536", "port of host 'host'"},
      {"amqp://host:56x", "port of host 'host'"},
      {"kafka://h1,", "a host is missing"},
      {"kafka://h1,,h2", "a host is missing"},
      {"kafka://,h2", "a host is missing"},
      {"amqp://[::1", "'[' without ']'"},
      {"amqp://[::1]x", "follows the host"},
      {"amqp://ho%2", "'%' without two hexadecimal digits in the host"},
      {"amqp://ho%zzst", "'%' without two hexadecimal digits in the host"},
      {"amqp://ho%0ast", "control characters"},
      {"amqp://my host", "spaces"},
      {"amqp://u%:p@host", "'%' without two hexadecimal digits in the user or password"},
      {"amqp://host/a/b", "one segment"},
      {"amqp://host/%", "in the virtual host"},
      {"amqp://host?heartbeat=%", "in the query"},
  };
  for (auto const& [url, part] : cases) EXPECT_NE(complaint(url).find(part), std::string::npos) << complaint(url);
}

// Wherever the password is cut, by a '/', '?', '#' or '@' that was not escaped, no piece of it may be shown.
TEST(BrokerUrl, NeverShowsAPasswordHoweverMalformed) {
  std::vector<std::string> urls;
  for (std::string const scheme : {"amqp://", "amqps://", "kafka://", "kafkas://", "memory://", "amqp:/", "", "x://"}) {
    for (std::string const password :
         {"canary", "ca/canary", "canary/1", "canary?canary=1", "can#canary", "can@canary", "canary:canary",
          "%zzcanary", "1234/canary", "canary,canary", "canary canary", "canary&canary", "[canary", "canary%"}) {
      for (std::string const rest : {"@host", "@host:99999", "@", "@host/a/b", "@host?x=1", "@[::1", "@h1,,h2", "@%"}) {
        urls.push_back(scheme + "me:" + password + rest);
      }
    }
  }
  for (auto const& url : urls) {
    EXPECT_EQ(complaint(url).find("canary"), std::string::npos) << url << ": " << complaint(url);
    EXPECT_EQ(redacted_url(url).find("canary"), std::string::npos) << url << ": " << redacted_url(url);
  }
}

TEST(RedactedUrl, HidesThePasswordAndSecretProperties) {
  EXPECT_EQ(redacted_url("amqp://me:canary@host:5672/vhost?heartbeat=5"), "amqp://me:***@host:5672/vhost?heartbeat=5");
  EXPECT_EQ(redacted_url("amqp://:canary@host"), "amqp://:***@host");
  EXPECT_EQ(redacted_url("kafka://h1,h2?sasl.password=canary&linger.ms=5&ssl.key.passw%6frd=canary"),
            "kafka://h1,h2?sasl.password=***&linger.ms=5&ssl.key.passw%6frd=***");
  EXPECT_EQ(redacted_url("kafka://h?sasl.jaas.config=canary"), "kafka://h?sasl.jaas.config=***");
}

TEST(RedactedUrl, LeavesTheRestAsItIs) {
  for (auto const* url :
       {"memory://demo", "kafka://h1:9092,h2?linger.ms=5", "amqp://guest@host/", "amqps://[::1]:5/v"}) {
    EXPECT_EQ(redacted_url(url), url);
  }
}

}  // namespace
}  // namespace fairlead
