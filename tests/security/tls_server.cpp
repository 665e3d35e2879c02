#include "security/tls_server.hpp"

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <memory>
#include <stdexcept>

namespace fairlead::security {

TlsServer::TlsServer(std::string const& certificate, int newest) : listener_(test::listen_on_loopback()) {
  auto* const context = SSL_CTX_new(TLS_server_method());
  context_ = context;
  auto const key = certificate.substr(0, certificate.rfind('.')) + ".key";
  if (newest != 0) {
    SSL_CTX_set_security_level(context, 0);  // OpenSSL itself is too strict for old versions
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, newest);
  }
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw std::runtime_error("TLS server: cannot use " + certificate);
  }
  thread_ = std::thread([this] { serve(); });
}

TlsServer::~TlsServer() {
  stop_.signal();
  thread_.join();
  SSL_CTX_free(static_cast<SSL_CTX*>(context_));
}

void TlsServer::serve() {
  for (;;) {
    pollfd waiting[] = {{listener_.fd.get(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0) continue;
    if (waiting[1].revents != 0) return;
    UniqueFd const client(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client.get() < 0) continue;
    ++connections_;
    shake_hands(client.get());
  }
}

void TlsServer::shake_hands(int client) {
  timeval const patience{1, 0};
  ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  std::unique_ptr<SSL, decltype(&SSL_free)> const session(SSL_new(static_cast<SSL_CTX*>(context_)), &SSL_free);
  SSL_set_fd(session.get(), client);
  // A client of TLS 1.3 that refuses the certificate says so after the server's part is done: its first bytes tell.
  char first = 0;
  if (SSL_accept(session.get()) == 1 && SSL_read(session.get(), &first, 1) == 1) ++handshakes_;
}

}  // namespace fairlead::security
