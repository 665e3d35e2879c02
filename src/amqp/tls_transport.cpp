#include "amqp/transport.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

namespace fairlead::amqp {

namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)>;
using Session = std::unique_ptr<SSL, decltype(&::SSL_free)>;

Error tls_error(std::string message) { return {Errc::kTls, std::move(message), false, false, 0}; }

/// The oldest entry of OpenSSL's error queue, which is the cause; empties the queue.
std::string openssl_reason() {
  auto const code = ::ERR_get_error();
  ::ERR_clear_error();
  auto const* const reason = ::ERR_reason_error_string(code);
  return reason != nullptr ? reason : "unknown reason";
}

/// The setting behind OpenSSL's reason, for the end of a message.
std::string_view setting_of(int reason) noexcept {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER: return " (the port speaks no TLS? then the broker URL begins with amqp://)";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return " (the broker refused the client's certificate, see `certfile` and `keyfile` of the broker URL)";
    default: return {};
  }
}

bool is_ip_address(std::string const& host) {
  std::unique_ptr<ASN1_OCTET_STRING, decltype(&::ASN1_OCTET_STRING_free)> const ip(::a2i_IPADDRESS(host.c_str()),
                                                                                   &::ASN1_OCTET_STRING_free);
  ::ERR_clear_error();
  return ip != nullptr;
}

Result<Context> make_context(TlsSettings const& settings) {
  Context context(::SSL_CTX_new(::TLS_client_method()), &::SSL_CTX_free);
  if (!context) return tls_error("cannot set up TLS: " + openssl_reason());
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  ::SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_verify(context.get(), settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  bool const has_authorities =
      settings.ca_file.empty() ? ::SSL_CTX_set_default_verify_paths(context.get()) == 1
                               : ::SSL_CTX_load_verify_locations(context.get(), settings.ca_file.c_str(), nullptr) == 1;
  if (settings.verify && !has_authorities) {
    return tls_error("broker URL: cannot read `cacertfile`: " + openssl_reason());
  }
  if (!settings.certificate_file.empty()) {
    if (::SSL_CTX_use_certificate_chain_file(context.get(), settings.certificate_file.c_str()) != 1) {
      return tls_error("broker URL: cannot read `certfile`: " + openssl_reason());
    }
    if (::SSL_CTX_use_PrivateKey_file(context.get(), settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        ::SSL_CTX_check_private_key(context.get()) != 1) {
      return tls_error("broker URL: cannot use `keyfile`: " + openssl_reason());
    }
  }
  return context;
}

/// TLS over a connecting socket. OpenSSL writes with write(), which may raise SIGPIPE: the I/O thread blocks it.
class TlsTransport final : public Transport {
 public:
  TlsTransport(std::unique_ptr<Transport> tcp, Context context, Session session) noexcept
      : tcp_(std::move(tcp)), context_(std::move(context)), session_(std::move(session)) {}

  int fd() const noexcept override { return tcp_->fd(); }

  Result<bool> connect() override {
    if (is_ready_) return true;
    if (!is_tcp_ready_) {
      auto connected = tcp_->connect();
      if (!connected || !*connected) return connected;
      is_tcp_ready_ = true;
    }
    ::ERR_clear_error();
    auto const status = ::SSL_connect(session_.get());
    if (status == 1) return is_ready_ = true;
    auto const error = ::SSL_get_error(session_.get(), status);
    if (would_block(error)) return false;
    return failure(error, "TLS handshake failed");
  }

  short wanted(bool has_output) const noexcept override {
    if (!is_tcp_ready_) return POLLOUT;
    if (!is_ready_) return handshake_events_;
    return static_cast<short>(has_output ? POLLIN | POLLOUT : POLLIN);
  }

  Result<std::size_t> read_some(std::span<char> room) override {
    ::ERR_clear_error();
    auto const count =
        ::SSL_read(session_.get(), room.data(), static_cast<int>(std::min<std::size_t>(room.size(), INT_MAX)));
    if (count > 0) {
      has_read_ = true;
      return static_cast<std::size_t>(count);
    }
    auto const error = ::SSL_get_error(session_.get(), count);
    if (would_block(error)) return std::size_t{0};
    return failure(error, "TLS read failed");
  }

  Result<std::size_t> write_some(std::string_view bytes) override {
    ::ERR_clear_error();
    auto const count =
        ::SSL_write(session_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
    if (count > 0) return static_cast<std::size_t>(count);
    auto const error = ::SSL_get_error(session_.get(), count);
    if (would_block(error)) return std::size_t{0};
    return failure(error, "TLS write failed");
  }

 private:
  bool would_block(int error) noexcept {
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return false;
    handshake_events_ = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    return true;
  }

  Error failure(int error, std::string_view what) {
    auto const code = errno;
    if (error == SSL_ERROR_ZERO_RETURN) return {Errc::kConnectionLost, "closed by the peer", true, true, 0};
    auto const verified = ::SSL_get_verify_result(session_.get());
    if (!is_ready_ && verified != X509_V_OK) {
      ::ERR_clear_error();
      return tls_error(
          "the broker's certificate was refused: " + std::string(::X509_verify_cert_error_string(verified)) +
          " (broker URL: `cacertfile`, `server_name_indication`)");
    }
    if (error == SSL_ERROR_SYSCALL) {
      ::ERR_clear_error();
      auto const reason = code == 0 ? std::string("closed by the peer") : std::generic_category().message(code);
      return {is_ready_ ? Errc::kConnectionLost : Errc::kNotConnected, std::string(what) + ": " + reason, true, true,
              code};
    }
    auto const code_of_tls = ERR_GET_REASON(::ERR_peek_error());
    bool const is_cut = code_of_tls == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    auto const reason = openssl_reason().append(setting_of(code_of_tls));
    if (has_read_) return {Errc::kConnectionLost, std::string(what) + ": " + reason, true, true, 0};
    if (is_cut) return {Errc::kNotConnected, std::string(what) + ": " + reason, true, false, 0};
    // TLS 1.3 refuses a client certificate only after the client has finished its handshake.
    return tls_error(std::string(what) + ": " + reason);
  }

  std::unique_ptr<Transport> tcp_;
  Context context_;
  Session session_;
  bool is_tcp_ready_ = false;
  bool is_ready_ = false;
  bool has_read_ = false;
  short handshake_events_ = POLLOUT;
};

}  // namespace

Result<std::unique_ptr<Transport>> open_tls(Address const& address, std::string const& host,
                                            TlsSettings const& settings) {
  auto context = make_context(settings);
  if (!context) return std::move(context).error();
  auto tcp = open_tcp(address);
  if (!tcp) return tcp;

  Session session(::SSL_new(context->get()), &::SSL_free);
  if (!session) return tls_error("cannot set up TLS: " + openssl_reason());
  auto const& name = settings.server_name.empty() ? host : settings.server_name;
  if (is_ip_address(name)) {
    ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(session.get()), name.c_str());
  } else {
    ::SSL_set_tlsext_host_name(session.get(), name.c_str());
    ::SSL_set1_host(session.get(), name.c_str());
  }
  ::SSL_set_fd(session.get(), (*tcp)->fd());
  return std::unique_ptr<Transport>(
      std::make_unique<TlsTransport>(*std::move(tcp), *std::move(context), std::move(session)));
}

}  // namespace fairlead::amqp
