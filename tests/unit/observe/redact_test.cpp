#include "observe/redact.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace fairlead {
namespace {

TEST(Redact, HidesValuesOfSecretNames) {
  std::vector<std::pair<std::string, std::string>> const cases{
      {"sasl.password=canary, next=1", "sasl.password=***, next=1"},
      {"PASSWORD: canary", "PASSWORD: ***"},
      {R"({"client.secret": "canary two", "x": 1})", R"({"client.secret": "***", "x": 1})"},
      {"ssl.key.passphrase='canary'", "ssl.key.passphrase='***'"},
      {"oauth_token=canary&x=1", "oauth_token=***&x=1"},
      {R"(required username="me" password="can\"ary";)", R"(required username="me" password="***";)"},
      {"Authorization: Bearer canary", "Authorization: Bearer ***"},
      {R"(\"password\": \"canary\")", R"(\"password\": \"***)"},
  };
  for (auto const& [text, expected] : cases) EXPECT_EQ(redact(text), expected);
}

TEST(Redact, HidesPasswordsInUrls) {
  EXPECT_EQ(redact("cannot reach amqp://me:canary@host:5672/vhost now"),
            "cannot reach amqp://me:***@host:5672/vhost now");
  EXPECT_EQ(redact("amqp://me:can/ar@y@host/"), "amqp://me:***@host/");
  EXPECT_EQ(redact("'amqps://:canary@host/'"), "'amqps://:***@host/'");
}

TEST(Redact, HidesPrivateKeys) {
  auto const hidden = redact("-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----\nrest");
  EXPECT_EQ(hidden.find("canary"), std::string::npos);
  EXPECT_NE(hidden.find("rest"), std::string::npos);
  EXPECT_EQ(redact("ssl.key.pem=-----BEGIN PRIVATE KEY-----\ncanary").find("canary"), std::string::npos);
}

TEST(Redact, LeavesOtherTextAlone) {
  for (std::string const text :
       {"", "sasl password is wrong", "http://host:80/path", "broker 1/2 down: connection refused",
        "kafka://host:9092,other:9092/ partition=3", "password", "password=", "mail me@host: soon", "://"}) {
    EXPECT_EQ(redact(text), text);
  }
}

TEST(Redact, SurvivesTextThatEndsAnywhere) {
  std::string const text = R"(amqp://me:canary@host password = "canary\" Authorization: Bearer canary)";
  for (std::size_t size = 0; size <= text.size(); ++size) EXPECT_LE(redact(text.substr(0, size)).size(), size + 9);
}

}  // namespace
}  // namespace fairlead
