#include "kafka/client_watch.hpp"

#include "core/process_mark.hpp"
#include "observe/logging.hpp"
#include "observe/redact.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <list>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

namespace fairlead::kafka {
namespace {

using std::chrono::system_clock;

// Of a token without an end: librdkafka asks for the next one after four fifths of it.
constexpr std::chrono::minutes kTokenLife{5};

struct Watch {
  std::shared_ptr<KafkaLogin const> login;

  std::mutex mutex;              // of what follows
  rd_kafka_t* client = nullptr;  // null: it is gone, or going
  int certificate_error = 0;     // OpenSSL's X509_V_ERR_...
  Credentials credentials;       // in use
  std::shared_ptr<CredentialsRequest> request;
};
using WatchPtr = std::shared_ptr<Watch>;

/// librdkafka has one opaque pointer per client, which belongs to whoever made it.
struct Registry {
  std::mutex mutex;
  std::map<rd_kafka_t const*, WatchPtr> watches;
  std::list<WatchPtr> of_configurations;  // also of those that are left behind

  static Registry& instance() {
    static auto* const registry = new Registry;  // clients may be left behind when the process ends
    return *registry;
  }
  WatchPtr& add(WatchPtr watch) {
    std::lock_guard const lock(mutex);
    return of_configurations.emplace_back(std::move(watch));
  }
  void remove(WatchPtr const& added) {
    std::list<WatchPtr> removed;  // outlives the lock
    std::lock_guard const lock(mutex);
    auto const at = std::find_if(of_configurations.begin(), of_configurations.end(),
                                 [&](WatchPtr const& each) { return &each == &added; });
    removed.splice(removed.end(), of_configurations, at);
  }
  WatchPtr find(rd_kafka_t const* client) {
    std::lock_guard const lock(mutex);
    auto const found = watches.find(client);
    return found != watches.end() ? found->second : nullptr;
  }
};

// --- certificates

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

/// librdkafka's verdict is kept as it is: 1 would accept the certificate.
int on_certificate(rd_kafka_t* client, char const*, int32_t, int* x509_error, int, char const*, size_t, char* why,
                   size_t room, void*) noexcept {
  if (*x509_error == 0) return 1;
  std::snprintf(why, room, "%s", text_of(*x509_error).data());
  if (auto const watch = Registry::instance().find(client)) {
    std::lock_guard const lock(watch->mutex);
    watch->certificate_error = *x509_error;
  }
  return 0;
}

bool verifies_certificates(rd_kafka_conf_t const* conf) {
  char value[16];
  std::size_t size = sizeof value;
  auto const known = rd_kafka_conf_get(conf, "enable.ssl.certificate.verification", value, &size);
  return known == RD_KAFKA_CONF_OK && std::string_view(value) == "true";
}

// --- credentials

void set_token(rd_kafka_t* client, Credentials const& credentials) {
  auto const end = credentials.expires_at.value_or(system_clock::now() + kTokenLife).time_since_epoch();
  std::string token(credentials.password.reveal());
  char why[256] = "";
  auto const code = rd_kafka_oauthbearer_set_token(
      client, token.c_str(), std::chrono::duration_cast<std::chrono::milliseconds>(end).count(),
      credentials.user.empty() ? "unknown" : credentials.user.c_str(), nullptr, 0, why, sizeof why);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_oauthbearer_set_token_failure(client, redact(why).c_str());
}

/// Under the watch's mutex.
void apply(Watch& watch) {
  if (watch.client == nullptr) return;
  if (watch.login->is_token) return set_token(watch.client, watch.credentials);
  ErrorPtr const ignored(rd_kafka_sasl_set_credentials(watch.client, watch.credentials.user.c_str(),
                                                       std::string(watch.credentials.password.reveal()).c_str()));
}

void take_answer(Watch& watch) {
  std::lock_guard const lock(watch.mutex);
  auto answer = watch.request ? watch.request->take() : std::nullopt;
  if (!answer || watch.client == nullptr) return;
  watch.request.reset();
  if (*answer) {
    watch.credentials = **std::move(answer);
    if (watch.credentials.user.empty()) watch.credentials.user = watch.login->user;
    return apply(watch);
  }
  auto const& error = answer->error();
  log(*watch.login->logger, LogLevel::kWarn, "connection", "no new credentials", LogFields().add(error).view());
  if (watch.login->is_token) rd_kafka_oauthbearer_set_token_failure(watch.client, error.message.c_str());
}

void ask(WatchPtr const& watch) {
  if (!watch || !watch->login) return;
  auto request = watch->login->desk->ask([weak = std::weak_ptr(watch)] {
    if (auto const alive = weak.lock()) take_answer(*alive);
  });
  {
    std::lock_guard const lock(watch->mutex);
    watch->request = std::move(request);
  }
  take_answer(*watch);  // it may have come before it was known which one it is
}

// --- the life of a client

rd_kafka_resp_err_t on_destroy(rd_kafka_t* client, void*) noexcept {
  auto const watch = Registry::instance().find(client);
  if (!watch) return RD_KAFKA_RESP_ERR_NO_ERROR;
  {
    std::lock_guard const lock(watch->mutex);
    watch->client = nullptr;
  }
  std::lock_guard const lock(Registry::instance().mutex);
  Registry::instance().watches.erase(client);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_new(rd_kafka_t* client, rd_kafka_conf_t const*, void* opaque, char*, size_t) noexcept {
  try {
    auto const& watch = *static_cast<WatchPtr*>(opaque);
    watch->client = client;
    std::lock_guard const lock(Registry::instance().mutex);
    Registry::instance().watches[client] = watch;
  } catch (...) {
    return RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
  }
  return rd_kafka_interceptor_add_on_destroy(client, "fairlead", on_destroy, nullptr);
}

rd_kafka_resp_err_t on_conf_destroy(void* opaque) noexcept {
  Registry::instance().remove(*static_cast<WatchPtr*>(opaque));
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

}  // namespace

void watch_client(rd_kafka_conf_t* conf, std::shared_ptr<KafkaLogin const> login) {
  bool const has_token = login && login->is_token;
  auto& watch = Registry::instance().add(std::make_shared<Watch>());
  watch->login = std::move(login);
  rd_kafka_conf_interceptor_add_on_new(conf, "fairlead", on_new, &watch);
  rd_kafka_conf_interceptor_add_on_conf_destroy(conf, "fairlead", on_conf_destroy, &watch);
  if (verifies_certificates(conf)) rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
  if (!has_token) return;
  rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf,
                                                 [](rd_kafka_t* client, char const*, void*) { renew_login(client); });
}

void renew_login(rd_kafka_t* client) noexcept {
  try {
    ask(Registry::instance().find(client));
  } catch (...) {
    rd_kafka_oauthbearer_set_token_failure(client, "out of memory");  // asked again in 10 s
  }
}

void leave_behind(ConfPtr conf) noexcept { keep_for_ever({std::shared_ptr<void>(), conf.release()}); }

void begin_login(rd_kafka_t* client, Credentials credentials) {
  auto const watch = Registry::instance().find(client);
  if (!watch || !watch->login) return;
  std::lock_guard const lock(watch->mutex);
  watch->credentials = std::move(credentials);
  if (watch->credentials.user.empty()) watch->credentials.user = watch->login->user;
  apply(*watch);
}

void on_connection_error(rd_kafka_t* client, Error& error) {
  auto const watch = Registry::instance().find(client);
  if (!watch) return;
  if (error.code == Errc::kTls) {
    std::lock_guard const lock(watch->mutex);
    if (int const cause = std::exchange(watch->certificate_error, 0)) error.message.append(": ").append(text_of(cause));
    return;
  }
  if (watch->login && !watch->login->is_token) ask(watch);
}

bool repeat_credentials(rd_kafka_t* client) {
  auto const watch = Registry::instance().find(client);
  if (!watch || !watch->login || watch->login->is_token) return false;
  std::lock_guard const lock(watch->mutex);
  apply(*watch);
  return true;
}

}  // namespace fairlead::kafka
