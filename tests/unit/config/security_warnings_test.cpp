#include "config/security_warnings.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fairlead {
namespace {

std::vector<std::string> warnings(std::string const& url, NativeOptions conf = {}) {
  Config config;
  config.broker = url;
  config.kafka.conf = std::move(conf);
  return security_warnings(config, parse_broker_url(url).value());
}

TEST(SecurityWarnings, SafeConfigurationsHaveNone) {
  for (auto const* url : {"memory://m", "amqps://u:p@far.example/", "kafkas://u:p@far.example", "kafka://far.example",
                          "amqp://far.example", "amqp://u:p@localhost/", "amqp://u:p@127.0.0.2,[::1]/",
                          "kafka://u:p@127.0.0.1", "amqps://far.example/?verify=verify_peer"}) {
    EXPECT_TRUE(warnings(url).empty()) << url;
  }
  EXPECT_TRUE(warnings("kafkas://h", {{"enable.ssl.certificate.verification", "true"}}).empty());
}

TEST(SecurityWarnings, NameTheSettingThatTurnsVerificationOff) {
  auto const amqp = warnings("amqps://h/?verify=verify_none");
  ASSERT_EQ(amqp.size(), 1u);
  EXPECT_NE(amqp[0].find("verify=verify_none"), std::string::npos);
  for (auto const* off : {"false", "FALSE", "0", "f"}) {
    auto const kafka = warnings("kafkas://h", {{"enable.ssl.certificate.verification", off}});
    ASSERT_EQ(kafka.size(), 1u) << off;
    EXPECT_NE(kafka[0].find("enable.ssl.certificate.verification"), std::string::npos);
  }
  EXPECT_EQ(warnings("kafkas://h?enable.ssl.certificate.verification=false").size(), 1u);
  EXPECT_EQ(warnings("kafkas://h", {{"ssl.endpoint.identification.algorithm", "none"}}).size(), 1u);
}

TEST(SecurityWarnings, PasswordInTheClearIsOneWhereItLeavesTheMachine) {
  for (auto const* url : {"amqp://u:s3cret@far.example/", "amqp://u:s3cret@localhost,far.example/",
                          "kafka://u:s3cret@far.example", "kafka://far.example?security.protocol=SASL_PLAINTEXT"}) {
    auto const found = warnings(url);
    ASSERT_EQ(found.size(), 1u) << url;
    EXPECT_NE(found[0].find("in the clear"), std::string::npos);
    EXPECT_EQ(found[0].find("s3cret"), std::string::npos);
  }
}

}  // namespace
}  // namespace fairlead
