#include "security/secured.hpp"
#include "security/tls_server.hpp"

#include <openssl/ssl.h>

namespace fairlead::security {
namespace {

class Tls : public Secured {
 protected:
  /// The server speaks neither protocol, but both clients shake hands with it.
  void expect_trusted(TlsServer const& server, std::string const& host) {
    auto const where = host + ":" + server.port();
    for (auto config : {kafka_tls(where), amqp_tls(where)}) {
      auto const before = server.handshakes();
      config.connection.connect_timeout = 1500ms;
      (void)refusal(config, config.broker);
      EXPECT_GT(server.handshakes(), before) << config.broker;
    }
  }
};

TEST_F(Tls, WorksWithVerifiedCertificates) {
  expect_works(kafka_tls(address("KAFKA_BOOTSTRAP_SSL")));
  auto mutual = kafka_tls(address("KAFKA_BOOTSTRAP_MTLS"));
  mutual.kafka.conf["ssl.certificate.location"] = cert("client.crt");
  mutual.kafka.conf["ssl.key.location"] = cert("client.key");
  expect_works(mutual);
  expect_works(amqp_tls(address("AMQPS_ADDRESSES")));
}

/// Certificates that nobody may trust, each as RabbitMQ's and as Kafka's.
struct BadCertificate {
  char const* name;
  char const* host;
  char const* cause;
};

TEST_F(Tls, BadCertificatesAreRefusedByTheirCause) {
  for (auto const& [name, host, cause] : {BadCertificate{"wrong-host", "localhost", "hostname mismatch"},
                                          BadCertificate{"wrong-host", "127.0.0.1", "IP address mismatch"},
                                          BadCertificate{"ip-only", "localhost", "hostname mismatch"},
                                          BadCertificate{"expired", "localhost", "certificate has expired"},
                                          BadCertificate{"future", "localhost", "certificate is not yet valid"},
                                          BadCertificate{"self-signed", "localhost", "self-signed certificate"},
                                          BadCertificate{"other-server", "localhost", "issuer certificate"}}) {
    TlsServer const server(cert(std::string(name) + ".crt"));
    auto const where = std::string(host) + ":" + server.port();
    expect_error(refusal(kafka_tls(where), name), Errc::kTls, {cause, "kafka.conf.ssl.ca.location", where});
    expect_error(refusal(amqp_tls(where), name), Errc::kTls, {cause, "cacertfile", where});
    EXPECT_GE(server.connections(), 2) << name;
    EXPECT_EQ(server.handshakes(), 0) << name;
  }
}

TEST_F(Tls, AnIpAddressIsVerifiedAsOne) {
  TlsServer const server(cert("ip-only.crt"));
  expect_trusted(server, "127.0.0.1");
}

TEST_F(Tls, TrustInAnotherAuthorityRefusesTheRealBroker) {
  expect_error(refusal(kafka_tls(address("KAFKA_BOOTSTRAP_SSL"), "other-ca.crt"), "kafka"), Errc::kTls,
               {"self-signed certificate", "ssl.ca.location"});
  expect_error(refusal(amqp_tls(address("AMQPS_ADDRESSES"), "other-ca.crt"), "amqp"), Errc::kTls,
               {"self-signed certificate", "cacertfile"});
}

TEST_F(Tls, VersionsBefore12AreRefused) {
  // As permissive as an administrator can make OpenSSL: Fairlead's own minimum is what refuses.
  for (int const version : {TLS1_VERSION, TLS1_1_VERSION}) {
    TlsServer const server(cert("server.crt"), version);
    auto const where = "localhost:" + server.port();
    auto kafka = kafka_tls(where);
    expect_error(refusal(kafka, "kafka"), Errc::kTls, {where});
    expect_error(refusal(amqp_tls(where), "amqp"), Errc::kTls, {where, "version"});
    EXPECT_EQ(server.handshakes(), 0);
  }
  TlsServer const server(cert("server.crt"), TLS1_2_VERSION);
  expect_trusted(server, "localhost");
}

TEST_F(Tls, MissingAndUntrustedClientCertificatesAreRefused) {
  auto const where = address("KAFKA_BOOTSTRAP_MTLS");
  expect_error(refusal(kafka_tls(where), "kafka, none"), Errc::kTls, {"ssl.key.location", where});
  auto untrusted = kafka_tls(where);
  untrusted.kafka.conf["ssl.certificate.location"] = cert("untrusted-client.crt");
  untrusted.kafka.conf["ssl.key.location"] = cert("untrusted-client.key");
  expect_error(refusal(untrusted, "kafka, untrusted"), Errc::kTls, {where});

  auto const amqps = address("AMQPS_ADDRESSES");
  expect_error(refusal(amqp_tls(amqps, "ca.crt", ""), "amqp, none"), Errc::kTls, {"certfile", amqps});
  expect_error(refusal(amqp_tls(amqps, "ca.crt", "untrusted-client"), "amqp, untrusted"), Errc::kTls,
               {"certfile", amqps});
}

TEST_F(Tls, PlainClientAtATlsPort) {
  auto const kafka = address("KAFKA_BOOTSTRAP_SSL");
  expect_error(refusal(config("kafka://" + kafka), "kafka"), Errc::kNotConnected, {kafka, "kafkas://"});
  auto const amqps = address("AMQPS_ADDRESSES");
  expect_error(refusal(config("amqp://guest:guest@" + amqps), "amqp"), Errc::kProtocol, {amqps, "amqps://"});
}

TEST_F(Tls, TlsClientAtAPlainPort) {
  auto const kafka = address("KAFKA_BOOTSTRAP");
  auto const refused = refusal(kafka_tls(kafka), "kafka");
  EXPECT_TRUE(refused.code == Errc::kNotConnected || refused.code == Errc::kTls);
  expect_error(refused, refused.code, {kafka, "kafka://"});
  auto const amqp = address("AMQP_ADDRESSES");
  expect_error(refusal(amqp_tls(amqp), "amqp"), Errc::kTls, {amqp, "amqp://"});
}

TEST_F(Tls, UnreadableFilesAreNamed) {
  auto kafka = kafka_tls(address("KAFKA_BOOTSTRAP_SSL"));
  kafka.kafka.conf["ssl.ca.location"] = cert("absent.crt");
  expect_error(refusal(kafka, "kafka"), Errc::kInvalidConfig, {"ssl.ca.location"});
  expect_error(refusal(amqp_tls(address("AMQPS_ADDRESSES"), "absent.crt"), "amqp"), Errc::kTls, {"cacertfile"});
  expect_error(refusal(amqp_tls(address("AMQPS_ADDRESSES"), "ca.crt", "absent"), "amqp"), Errc::kTls, {"certfile"});
}

TEST_F(Tls, VerificationIsTurnedOffOnlyByName) {
  auto const warned = [&] {
    bool found = false;
    for (auto const& entry : log_->entries("connection")) found |= has(entry.text, "is not verified");
    return found;
  };
  auto kafka = kafka_tls(address("KAFKA_BOOTSTRAP_SSL"), "other-ca.crt");
  kafka.kafka.conf["enable.ssl.certificate.verification"] = "false";
  EXPECT_FALSE(warned());
  expect_works(kafka);
  EXPECT_TRUE(warned());
  expect_works(amqp_tls(address("AMQPS_ADDRESSES"), "other-ca.crt", "client", "guest:guest@", "&verify=verify_none"));
}

}  // namespace
}  // namespace fairlead::security
