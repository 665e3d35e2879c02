#include "support/tcp_proxy.hpp"

#include "core/event_fd.hpp"
#include "core/unique_fd.hpp"
#include "support/listener.hpp"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace fairlead::test {

namespace {

// Unsent bytes of one direction, above which the sender has to wait.
constexpr std::size_t kMaxWaiting = std::size_t{1} << 20;

}  // namespace

class TcpProxy::Loop {
 public:
  explicit Loop(std::uint16_t server_port);
  ~Loop();

  [[nodiscard]] std::uint16_t port() const noexcept { return listener_.port; }
  void swallow_everything() noexcept { is_hole_ = true; }
  void heal() noexcept;

 private:
  struct Pair {
    UniqueFd client;
    UniqueFd server;
    std::string to_server;
    std::string to_client;
    bool is_over = false;
  };

  void serve();
  void accept();
  static void forward(Pair& pair, UniqueFd const& from, UniqueFd const& to, std::string& waiting, bool is_readable);

  std::uint16_t const server_port_;
  Listener const listener_;
  EventFd wake_;
  std::atomic<bool> is_hole_{false};
  std::atomic<bool> ends_all_{false};
  std::atomic<bool> is_stopped_{false};
  std::list<Pair> pairs_;
  std::thread thread_;
};

TcpProxy::TcpProxy(std::uint16_t server_port) : loop_(std::make_unique<Loop>(server_port)) {}
TcpProxy::~TcpProxy() = default;
std::uint16_t TcpProxy::port() const noexcept { return loop_->port(); }
void TcpProxy::swallow_everything() noexcept { loop_->swallow_everything(); }
void TcpProxy::heal() noexcept { loop_->heal(); }

TcpProxy::Loop::Loop(std::uint16_t server_port)
    : server_port_(server_port), listener_(listen_on_loopback(SOCK_NONBLOCK)) {
  thread_ = std::thread([this] { serve(); });
}

TcpProxy::Loop::~Loop() {
  is_stopped_ = true;
  wake_.signal();
  thread_.join();
}

void TcpProxy::Loop::heal() noexcept {
  ends_all_ = true;
  is_hole_ = false;
  wake_.signal();
}

void TcpProxy::Loop::serve() {
  std::vector<pollfd> waiting;
  while (!is_stopped_) {
    waiting.assign({{wake_.fd(), POLLIN, 0}, {listener_.fd.get(), POLLIN, 0}});
    // A hole reads nothing: what the kernel takes on both sides is all that goes in.
    if (!is_hole_) {
      for (auto const& pair : pairs_) {
        auto const events = [](std::string const& out, std::string const& other) {
          return static_cast<short>((out.empty() ? 0 : POLLOUT) | (other.size() < kMaxWaiting ? POLLIN : 0));
        };
        waiting.push_back({pair.client.get(), events(pair.to_client, pair.to_server), 0});
        waiting.push_back({pair.server.get(), events(pair.to_server, pair.to_client), 0});
      }
    }
    constexpr int kLookAgainMs = 5;  // at the hole
    if (::poll(waiting.data(), waiting.size(), kLookAgainMs) < 0) continue;
    if (waiting[0].revents != 0) wake_.clear();
    if (ends_all_.exchange(false)) {
      pairs_.clear();
      continue;
    }
    if (!is_hole_ && waiting.size() == 2 + 2 * pairs_.size()) {
      std::size_t place = 2;
      for (auto& pair : pairs_) {
        forward(pair, pair.client, pair.server, pair.to_server, (waiting[place++].revents & ~POLLOUT) != 0);
        forward(pair, pair.server, pair.client, pair.to_client, (waiting[place++].revents & ~POLLOUT) != 0);
      }
      pairs_.remove_if([](Pair const& pair) { return pair.is_over; });
    }
    if (waiting[1].revents != 0) accept();
  }
}

void TcpProxy::Loop::accept() {
  UniqueFd client(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto const address = loopback(server_port_);
  if (client.get() < 0 || ::connect(server.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) {
    return;
  }
  int const on = 1;
  for (auto const* fd : {&client, &server}) ::setsockopt(fd->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  pairs_.push_back({std::move(client), std::move(server), {}, {}, false});
}

void TcpProxy::Loop::forward(Pair& pair, UniqueFd const& from, UniqueFd const& to, std::string& waiting,
                             bool is_readable) {
  std::array<char, 65'536> bytes;
  if (is_readable) {
    auto const count = ::recv(from.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count > 0) {
      waiting.append(bytes.data(), static_cast<std::size_t>(count));
    } else if (count == 0 || errno != EAGAIN) {
      pair.is_over = true;
    }
  }
  if (waiting.empty()) return;
  auto const count = ::send(to.get(), waiting.data(), waiting.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count > 0) waiting.erase(0, static_cast<std::size_t>(count));
  if (count < 0 && errno != EAGAIN) pair.is_over = true;
}

}  // namespace fairlead::test
