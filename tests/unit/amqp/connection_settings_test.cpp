#include "amqp/connection_settings.hpp"

#include <gtest/gtest.h>

namespace fairlead::amqp {
namespace {

Result<ConnectionSettings> settings(std::string_view url) {
  auto parsed = parse_broker_url(url);
  if (!parsed) return std::move(parsed).error();
  return connection_settings(Config{}, *parsed);
}

TEST(ConnectionSettings, TakeEverythingFromTheUrl) {
  auto const all = settings(
      "amqps://user:secret@h1:5671,h2:5673/vhost?cacertfile=ca.pem&certfile=c.pem&keyfile=k.pem&verify=verify_none&"
      "server_name_indication=broker.example&auth_mechanism=external&heartbeat=7&connection_timeout=1500&"
      "channel_max=12");
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->hosts.size(), 2u);
  EXPECT_EQ(all->user, "user");
  EXPECT_EQ(all->password.reveal(), "secret");
  EXPECT_EQ(all->vhost, "vhost");
  ASSERT_TRUE(all->tls);
  EXPECT_EQ(all->tls->ca_file, "ca.pem");
  EXPECT_EQ(all->tls->certificate_file, "c.pem");
  EXPECT_EQ(all->tls->key_file, "k.pem");
  EXPECT_EQ(all->tls->server_name, "broker.example");
  EXPECT_FALSE(all->tls->verify);
  EXPECT_TRUE(all->sasl_external);
  EXPECT_EQ(all->heartbeat, std::chrono::seconds(7));
  EXPECT_EQ(all->connect_timeout, std::chrono::milliseconds(1'500));
  EXPECT_EQ(all->channel_max, 12);
}

TEST(ConnectionSettings, VerifyThePeerUnlessToldOtherwise) {
  auto const tls = settings("amqps://host/");
  ASSERT_TRUE(tls) << tls.error().message;
  EXPECT_TRUE(tls->tls->verify);
  EXPECT_FALSE(settings("amqp://host/")->tls);
}

TEST(ConnectionSettings, EveryHostGetsItsShareOfTheTime) {
  EXPECT_EQ(settings("amqp://h1,h2/")->connect_timeout, std::chrono::milliseconds(5'000));
}

TEST(ConnectionSettings, WrongKeysAndValuesAreNamed) {
  for (auto const& [url, name] :
       std::vector<std::pair<std::string, std::string>>{{"amqp://host/?hartbeat=1", "hartbeat"},
                                                        {"amqp://host/?heartbeat=0", "heartbeat"},
                                                        {"amqp://host/?heartbeat=soon", "heartbeat"},
                                                        {"amqp://host/?channel_max=70000", "channel_max"},
                                                        {"amqp://host/?auth_mechanism=scram", "auth_mechanism"},
                                                        {"amqps://host/?verify=maybe", "verify"},
                                                        {"amqp://host/?cacertfile=ca.pem", "cacertfile"},
                                                        {"amqps://host/?certfile=c.pem", "certfile"}}) {
    auto const refused = settings(url);
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().code, Errc::kInvalidConfig) << url;
    EXPECT_NE(refused.error().message.find(name), std::string::npos) << refused.error().message;
  }
}

}  // namespace
}  // namespace fairlead::amqp
