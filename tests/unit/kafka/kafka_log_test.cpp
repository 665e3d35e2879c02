#include "kafka/kafka_log.hpp"

#include "support/notebook.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fairlead::kafka {
namespace {

TEST(KafkaLog, SecretsOfLibrdkafkasOwnLinesAreHidden) {
  test::Notebook log(LogLevel::kTrace);
  // As `debug=conf` of librdkafka 2.0.2 writes them; it does not know that client.secret is one.
  for (auto const* const line :
       {"[thrd:app]:   sasl.oauthbearer.client.secret = c4n4ry", "[thrd:app]:   sasl.password = c4n4ry",
        "[thrd:app]:   ssl.key.pem = -----BEGIN PRIVATE KEY-----\nc4n4ry\n-----END PRIVATE KEY-----",
        "[thrd:app]:   ssl.keystore.password = c4n4ry", "sasl.jaas.config=x required password=\"c4n4ry\";",
        "HTTP request failed: Authorization: Bearer c4n4ry", "Basic login: Authorization: Basic c4n4ry"}) {
    write_log(log, 7, "CONF", line);
  }
  EXPECT_EQ(log.all().size(), 7u);
  for (auto const& entry : log.all()) EXPECT_EQ(entry.text.find("c4n4ry"), std::string::npos) << entry.text;
}

TEST(KafkaLog, OtherLinesStayAsTheyAre) {
  test::Notebook log(LogLevel::kTrace);
  write_log(log, 3, "FAIL", "ssl://h:1/bootstrap: SSL handshake failed");
  ASSERT_EQ(log.entries("kafka").size(), 1u);
  EXPECT_EQ(log.all()[0].text, "ssl://h:1/bootstrap: SSL handshake failed");
  EXPECT_EQ(log.all()[0].level, LogLevel::kError);
}

}  // namespace
}  // namespace fairlead::kafka
