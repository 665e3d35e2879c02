#include "kafka/certificate_cause.hpp"

#include <cstdio>
#include <map>
#include <mutex>
#include <string_view>

namespace fairlead::kafka {
namespace {

struct Causes {
  std::mutex mutex;
  std::map<rd_kafka_t const*, int> by_client;  // OpenSSL's X509_V_ERR_...
};

Causes& causes() {
  static Causes kept;
  return kept;
}

/// OpenSSL's own words, without needing OpenSSL for them.
std::string_view text_of(int x509_error) noexcept {
  switch (x509_error) {
    case 9: return "certificate is not yet valid";
    case 10: return "certificate has expired";
    case 18: return "self-signed certificate";
    case 19: return "self-signed certificate in certificate chain";
    case 20:
    case 21: return "unable to get issuer certificate: signed by an authority that is not trusted";
    case 23: return "certificate revoked";
    case 62: return "hostname mismatch";
    case 64: return "IP address mismatch";
    default: return "certificate is not acceptable";
  }
}

/// librdkafka's answer is kept as it is: 1 would accept the certificate.
int on_certificate(rd_kafka_t* client, char const*, int32_t, int* x509_error, int, char const*, size_t, char* why,
                   size_t room, void*) noexcept {
  if (*x509_error == 0) return 1;
  std::snprintf(why, room, "%s", text_of(*x509_error).data());
  try {
    std::lock_guard const lock(causes().mutex);
    causes().by_client[client] = *x509_error;
  } catch (...) {
    // Out of memory: the error will be without its reason.
  }
  return 0;
}

bool verifies(rd_kafka_conf_t const* conf) {
  char value[16];
  std::size_t size = sizeof value;
  auto const known = rd_kafka_conf_get(conf, "enable.ssl.certificate.verification", value, &size);
  return known == RD_KAFKA_CONF_OK && std::string_view(value) == "true";
}

}  // namespace

void remember_certificate_causes(rd_kafka_conf_t* conf) {
  if (verifies(conf)) rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
}

void add_certificate_cause(Error& error, rd_kafka_t const* client) {
  if (error.code != Errc::kTls) return;
  std::lock_guard const lock(causes().mutex);
  auto const found = causes().by_client.extract(client);
  if (found) error.message.append(": ").append(text_of(found.mapped()));
}

}  // namespace fairlead::kafka
