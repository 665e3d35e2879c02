#include "kafka/open_socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace fairlead::kafka {
namespace {

constexpr int kIdleSeconds = 10;  // before the peer is asked whether it is there
constexpr int kAskAgainSeconds = 5;
constexpr unsigned kGoneMilliseconds = 20'000;  // without a sign of life

template <class T>
void set(int socket, int option, T value) noexcept {
  (void)::setsockopt(socket, IPPROTO_TCP, option, &value, sizeof value);
}

}  // namespace

int open_socket(int domain, int type, int protocol, void* /*opaque*/) noexcept {
  int const socket = ::socket(domain, type | SOCK_CLOEXEC, protocol);
  if (socket == -1) return -1;
  // What turns the asking on is socket.keepalive.enable.
  set(socket, TCP_KEEPIDLE, kIdleSeconds);
  set(socket, TCP_KEEPINTVL, kAskAgainSeconds);
  set(socket, TCP_USER_TIMEOUT, kGoneMilliseconds);
  return socket;
}

}  // namespace fairlead::kafka
