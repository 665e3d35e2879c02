#include "support/silent_server.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace fairlead::test {

SilentServer::SilentServer(std::string greeting, After after) : greeting_(std::move(greeting)), after_(after) {
  listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bool const is_up = ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::listen(listener_.get(), 16) == 0 &&
                     ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (!is_up) throw std::system_error(errno, std::generic_category(), "silent server");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

SilentServer::~SilentServer() {
  stop_.signal();
  thread_.join();
}

void SilentServer::serve() {
  std::vector<UniqueFd> clients;
  for (;;) {
    pollfd waiting[] = {{listener_.get(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0) continue;
    if (waiting[1].revents != 0) return;
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!greeting_.empty()) (void)::send(client.get(), greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
    if (after_ == After::kReset) {
      char first = 0;
      (void)::recv(client.get(), &first, 1, 0);
      ::shutdown(client.get(), SHUT_WR);
      client.reset();  // with bytes unread: a reset
    } else {
      clients.push_back(std::move(client));
    }
  }
}

}  // namespace fairlead::test
