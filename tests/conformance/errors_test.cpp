#include "conformance/conformance.hpp"
#include "support/loopback.hpp"

#include <sys/socket.h>
#include <unistd.h>

// What cannot work is said at once, with the name of what is wrong.
namespace fairlead::conformance {
namespace {

using Errors = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Errors, testing::ValuesIn(brokers_under_test()), name_of);

/// A loopback port that nobody listens on.
std::string closed_address() {
  int const socket = ::socket(AF_INET, SOCK_STREAM, 0);
  auto address = test::loopback();
  socklen_t size = sizeof address;
  ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket);
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

/// `scheme://user:password@host:port/path?query` in the parts that the tests exchange.
struct UrlParts {
  std::string scheme, user, password, address, rest;

  explicit UrlParts(std::string const& url) {
    auto const begin = url.find("://") + 3;
    auto const end = std::min(url.find_first_of("/?", begin), url.size());
    scheme = url.substr(0, begin);
    rest = url.substr(end);
    address = url.substr(begin, end - begin);
    if (auto const at = address.rfind('@'); at != std::string::npos) {
      auto const colon = std::min(address.find(':'), at);
      user = address.substr(0, colon);
      if (colon < at) password = address.substr(colon + 1, at - colon - 1);
      address.erase(0, at + 1);
    }
  }
  [[nodiscard]] std::string url() const {
    return scheme + (user.empty() ? "" : user + ":" + password + "@") + address + rest;
  }
};

TEST_P(Errors, UnknownDestinationNamesTheNearestOne) {
  auto broker = open(config());
  std::string slip = destination_;
  std::swap(slip[1], slip[2]);

  auto const publisher = broker->publisher(slip);
  auto const declared = broker->declare(slip);

  ASSERT_FALSE(publisher);
  EXPECT_EQ(publisher.error().code, Errc::kUnknownDestination);
  EXPECT_NE(publisher.error().message.find(destination_), std::string::npos) << publisher.error().message;
  ASSERT_FALSE(declared);
  EXPECT_EQ(declared.error().code, Errc::kUnknownDestination);
}

TEST_P(Errors, UnknownSubscriptionNamesTheNearestOne) {
  auto broker = open(config());
  auto const subscription = broker->subscribe("biling", [](Delivery const&) { return ack(); });
  ASSERT_FALSE(subscription);
  EXPECT_NE(subscription.error().message.find("billing"), std::string::npos) << subscription.error().message;
}

TEST_P(Errors, SubscriptionToAnUnknownDestinationIsAnInvalidConfiguration) {
  auto configuration = config();
  billing_of(configuration).destination = "nowhere";
  auto const broker = Broker::open(configuration);
  ASSERT_FALSE(broker);
  EXPECT_EQ(broker.error().code, Errc::kInvalidConfig);
  EXPECT_NE(broker.error().message.find("nowhere"), std::string::npos) << broker.error().message;
}

TEST_P(Errors, MissingDestinationIsReportedWhenItMayNotBeDeclared) {
  auto configuration = config();
  orders_of(configuration).declare = false;
  auto broker = open(configuration);

  auto const publisher = broker->publisher(destination_);
  auto const subscription = broker->subscribe("billing", [](Delivery const&) { return ack(); });

  ASSERT_FALSE(publisher);
  EXPECT_EQ(publisher.error().code, Errc::kUnknownDestination) << publisher.error().message;
  EXPECT_NE(publisher.error().message.find(destination_), std::string::npos) << publisher.error().message;
  ASSERT_FALSE(subscription);
  EXPECT_EQ(subscription.error().code, Errc::kUnknownDestination) << subscription.error().message;
}

TEST_P(Errors, ExistingDestinationIsUsedWhenItMayNotBeDeclared) {
  Recorder recorder;
  auto configuration = config();
  auto owner = open(configuration);
  ASSERT_TRUE(owner->declare(destination_));
  orders_of(configuration).declare = false;
  auto broker = open(configuration);

  auto billing = broker->subscribe("billing", recorder.handler()).value();
  publish(*broker, "m");

  EXPECT_TRUE(eventually([&] { return recorder.finished() == 1; }));
}

TEST_P(Errors, DeclaringTwiceIsHarmless) {
  auto broker = open(config());
  EXPECT_TRUE(broker->declare(destination_));
  EXPECT_TRUE(broker->declare(destination_));
  auto other = open(config());
  EXPECT_TRUE(other->declare(destination_));
}

TEST_P(Errors, WrongUrlsAreInvalidConfigurations) {
  for (auto const* url : {"", "nonsense", "carrier-pigeon://localhost", "://", "amqp://host:port", "kafka://host:99999",
                          "amqp://user:secret-word@host:1:2"}) {
    auto configuration = config();
    configuration.broker = url;
    auto const broker = Broker::open(configuration);
    ASSERT_FALSE(broker) << url;
    EXPECT_EQ(broker.error().code, Errc::kInvalidConfig) << url << ": " << broker.error().message;
    EXPECT_EQ(broker.error().message.find("secret-word"), std::string::npos) << broker.error().message;
  }
}

TEST_P(Errors, AllProblemsOfAConfigurationAreReportedAtOnce) {
  auto configuration = config();
  orders_of(configuration).partitions = 0;
  billing_of(configuration).concurrency = -1;
  billing_of(configuration).retry.max_attempts = 0;

  auto const broker = Broker::open(configuration);

  ASSERT_FALSE(broker);
  EXPECT_EQ(broker.error().code, Errc::kInvalidConfig);
  for (auto const* setting : {"partitions", "concurrency", "max_attempts"}) {
    EXPECT_NE(broker.error().message.find(setting), std::string::npos) << broker.error().message;
  }
}

TEST_P(Errors, AbsentBrokerIsNamedWithinTheConnectTimeout) {
  if (open(config())->capabilities().survives_process_exit.support == Support::kImpossible) {
    GTEST_SKIP() << "this broker lives in the process and cannot be absent";
  }
  UrlParts url(url_);
  url.address = closed_address();
  auto configuration = config();
  configuration.broker = url.url();
  configuration.connection.connect_timeout = 2s;

  Stopwatch const watch;
  auto const broker = Broker::open(configuration);

  EXPECT_LT(watch.elapsed(), 2s + kSlack);
  ASSERT_FALSE(broker);
  EXPECT_EQ(broker.error().code, Errc::kNotConnected) << broker.error().message;
  EXPECT_NE(broker.error().message.find(url.address), std::string::npos) << broker.error().message;
  EXPECT_TRUE(broker.error().retryable);
}

TEST_P(Errors, WrongPasswordIsRefusedAndNeverShown) {
  auto const can = open(config())->capabilities().authentication;
  if (!can) GTEST_SKIP() << can.reason;
  UrlParts url(url_);
  if (url.user.empty()) GTEST_SKIP() << GetParam().url_variable << " has no user";
  url.password = "not-the-p4ssword";
  auto configuration = config();
  configuration.broker = url.url();

  Stopwatch const watch;
  auto const broker = Broker::open(configuration);

  EXPECT_LT(watch.elapsed(), configuration.connection.connect_timeout + kSlack);
  ASSERT_FALSE(broker);
  EXPECT_EQ(broker.error().code, Errc::kAuthentication) << broker.error().message;
  EXPECT_EQ(broker.error().message.find(url.password), std::string::npos) << broker.error().message;
}

}  // namespace
}  // namespace fairlead::conformance
