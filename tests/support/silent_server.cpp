#include "support/silent_server.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <utility>
#include <vector>

namespace fairlead::test {

SilentServer::SilentServer(std::string greeting, After after)
    : greeting_(std::move(greeting)), after_(after), listener_(listen_on_loopback()) {
  thread_ = std::thread([this] { serve(); });
}

SilentServer::~SilentServer() {
  stop_.signal();
  thread_.join();
}

void SilentServer::serve() {
  std::vector<UniqueFd> clients;
  for (;;) {
    pollfd waiting[] = {{listener_.fd.get(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0) continue;
    if (waiting[1].revents != 0) return;
    UniqueFd client(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
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
