#include "kafka/kafka_error.hpp"

#include <gtest/gtest.h>

namespace fairlead::kafka {
namespace {

TEST(KafkaError, AnAlertOfTlsIsNoLostConnectionWhicheverLibrdkafkaSays) {
  for (auto const code : {RD_KAFKA_RESP_ERR__SSL, RD_KAFKA_RESP_ERR__TRANSPORT}) {
    auto const error = to_error(code, "connecting",
                                "ssl://localhost:9093/bootstrap: SSL handshake failed: ssl/record/rec_layer_s3.c:1584: "
                                "error:0A000410:SSL routines::sslv3 alert handshake failure: (after 3ms in state "
                                "SSL_HANDSHAKE, 1 identical error(s) suppressed)");
    EXPECT_EQ(error.code, Errc::kTls) << error.message;
    EXPECT_FALSE(error.retryable);
    EXPECT_EQ(error.native_code, static_cast<int>(code));
  }
}

TEST(KafkaError, AnAlertOverACertificateIsOverTheClients) {
  auto const error = to_error(RD_KAFKA_RESP_ERR__TRANSPORT, "connecting",
                              "SSL_read failed: error:0A00045C:SSL routines::tlsv13 alert certificate required");
  EXPECT_EQ(error.code, Errc::kTls);
  EXPECT_NE(error.message.find("ssl.certificate.location"), std::string::npos) << error.message;
}

TEST(KafkaError, ALostConnectionIsWorthARetryAndMayHaveDoneItsWork) {
  auto const error = to_error(RD_KAFKA_RESP_ERR__TRANSPORT, "publishing", "Disconnected (after 4ms in state UP)");
  EXPECT_EQ(error.code, Errc::kConnectionLost);
  EXPECT_TRUE(error.retryable);
  EXPECT_TRUE(error.maybe_applied);
}

}  // namespace
}  // namespace fairlead::kafka
