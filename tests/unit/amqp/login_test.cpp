#include "amqp/login.hpp"

#include "amqp/frame_writer.hpp"
#include "unit/amqp/tables.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fairlead::amqp {
namespace {

std::string start(std::string_view mechanisms, std::string_view server_properties = {}) {
  std::string payload(4, '\0');
  store_big_endian(payload.data(), std::uint32_t{AMQP_CONNECTION_START_METHOD});
  payload.append("\0\x09", 2);
  return payload + long_string(server_properties) + long_string(mechanisms) + long_string("en_US");
}

std::string tune(std::uint16_t channel_max, std::uint32_t frame_max, std::uint16_t heartbeat) {
  amqp_connection_tune_t fields{channel_max, frame_max, heartbeat};
  return encode_method(AMQP_CONNECTION_TUNE_METHOD, &fields);
}

std::string close(std::uint16_t code, std::string_view text) {
  amqp_connection_close_t fields{};
  fields.reply_code = code;
  fields.reply_text = to_bytes(text);
  return encode_method(AMQP_CONNECTION_CLOSE_METHOD, &fields);
}

class LoginTest : public testing::Test {
 protected:
  LoginTest() {
    settings_.user = "user";
    settings_.password = Secret("secret");
    settings_.vhost = "shop";
    login_ = Login(settings_);
    login_.begin(out_);
    out_.clear();
  }
  void reach_open() {
    ASSERT_TRUE(login_.receive(start("PLAIN"), out_));
    ASSERT_TRUE(login_.receive(tune(100, 131'072, 60), out_));
    out_.clear();
  }
  bool sent(std::string_view bytes) { return out_.view().find(bytes) != std::string_view::npos; }

  ConnectionSettings settings_;
  Login login_{settings_};
  ByteBuffer out_;
};

TEST_F(LoginTest, AnnouncesTheCapabilitiesWithoutWhichTheBrokerIsSilent) {
  auto const more = login_.receive(start("AMQPLAIN PLAIN"), out_);
  ASSERT_TRUE(more);
  EXPECT_FALSE(*more);
  for (auto const* capability : {"consumer_cancel_notify", "connection.blocked", "basic.nack", "publisher_confirms",
                                 "exchange_exchange_bindings", "authentication_failure_close"}) {
    EXPECT_TRUE(sent(std::string(capability) + "t\x01")) << capability;
  }
  EXPECT_TRUE(sent(std::string_view("\0user\0secret", 12)));
}

TEST_F(LoginTest, AgreesOnTheSmallerLimits) {
  ASSERT_TRUE(login_.receive(start("PLAIN"), out_));
  ASSERT_TRUE(login_.receive(tune(16, 8'192, 3), out_));
  EXPECT_EQ(login_.channel_max(), 16);
  EXPECT_EQ(login_.frame_max(), 8'192u);
  EXPECT_EQ(login_.heartbeat(), std::chrono::seconds(3));
}

TEST_F(LoginTest, KeepsItsOwnLimitsWhenTheBrokerHasNone) {
  ASSERT_TRUE(login_.receive(start("PLAIN"), out_));
  ASSERT_TRUE(login_.receive(tune(0, 0, 0), out_));
  EXPECT_EQ(login_.channel_max(), settings_.channel_max);
  EXPECT_EQ(login_.frame_max(), kFrameMax);
  EXPECT_EQ(login_.heartbeat(), settings_.heartbeat);
}

TEST_F(LoginTest, IsDoneWhenTheVirtualHostIsOpen) {
  reach_open();
  amqp_connection_open_ok_t ok{};
  auto const done = login_.receive(encode_method(AMQP_CONNECTION_OPEN_OK_METHOD, &ok), out_);
  ASSERT_TRUE(done);
  EXPECT_TRUE(*done);
}

TEST_F(LoginTest, AWrongPasswordIsAnAuthenticationErrorWithoutThePassword) {
  ASSERT_TRUE(login_.receive(start("PLAIN"), out_));
  auto const refused = login_.receive(close(403, "ACCESS_REFUSED - Login was refused"), out_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kAuthentication);
  EXPECT_FALSE(refused.error().retryable);
  EXPECT_EQ(refused.error().message.find("secret"), std::string::npos);
}

TEST_F(LoginTest, AnUnknownVirtualHostIsNamed) {
  reach_open();
  auto const refused = login_.receive(close(530, "NOT_ALLOWED - vhost shop not found"), out_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kAccessDenied);
  EXPECT_NE(refused.error().message.find("'shop'"), std::string::npos);
}

TEST_F(LoginTest, AMechanismTheBrokerDoesNotOfferIsUnsupported) {
  auto const refused = login_.receive(start("AMQPLAIN EXTERNAL"), out_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnsupported);
  EXPECT_NE(refused.error().message.find("auth_mechanism"), std::string::npos);
}

TEST_F(LoginTest, ServerPropertiesOfAnyDepthAreSkipped) {
  EXPECT_TRUE(login_.receive(start("PLAIN", nested_tables(kMostLevels)), out_));
}

TEST_F(LoginTest, CutFramesAreRefused) {
  auto const whole = start("PLAIN");
  for (std::size_t cut = 0; cut + 9 < whole.size(); ++cut) {
    Login login(settings_);
    std::string const exact = whole.substr(0, cut);
    EXPECT_FALSE(login.receive(exact, out_)) << cut;
  }
}

TEST_F(LoginTest, TinyFramesAreRefused) {
  ASSERT_TRUE(login_.receive(start("PLAIN"), out_));
  auto const refused = login_.receive(tune(0, 7, 0), out_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kProtocol);
}

}  // namespace
}  // namespace fairlead::amqp
