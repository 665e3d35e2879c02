// A TCP proxy that does to connections what networks do to them:
//   torture_proxy LISTEN=TARGET...          ports of 127.0.0.1; prints `ready` when it listens
// Commands come by standard input, one a line, and each is answered by a line `ok TOUCHED OPEN CUT`: how many
// connections it concerned, how many there are, and how many were cut so far. It ends with its input.
//   pass                      whatever was set is over; bytes that were held flow on
//   undo hold|lose|delay|slice|cut    the same for one of them
//   hold up|down|both         nothing passes towards the broker, towards the client: a black hole, a half-open peer
//   lose up|down              bytes vanish; the connection is of no use afterwards, so `reset` it
//   delay MS JITTER           each piece comes later, in order
//   slice                     1 to 7 bytes at a time
//   cut up|down BYTES         of every connection, after that many more bytes of one direction
//   reset all|NUMBER          RST to both peers; NUMBER picks one connection
//   orphan client|broker      that peer is left alone with a connection whose other end is gone, and is not told
//   count
#include "support/loopback.hpp"
#include "torture/proxy_stream.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <list>
#include <map>
#include <sstream>
#include <string>

namespace fairlead::torture {
namespace {

[[noreturn]] void give_up(std::string const& what) {
  std::cerr << "torture_proxy: " << what << ": " << std::strerror(errno) << std::endl;
  std::exit(1);
}

void send_at_once(int fd) {
  int const on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void close_with_reset(int fd) {
  if (fd < 0) return;
  linger const at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(fd);
}

struct Connection {
  int client = -1;
  int broker = -1;
  bool is_connecting = true;
  Stream up, down;  // client to broker, broker to client
  std::uint32_t client_events = 0, broker_events = 0;
};

class Proxy {
 public:
  Proxy() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) { watch(STDIN_FILENO, EPOLLIN, 0); }

  void listen(int port, int target) {
    int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int const on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    auto const address = test::loopback(static_cast<std::uint16_t>(port));
    if (::bind(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 || ::listen(fd, 512) != 0) {
      give_up("port " + std::to_string(port));
    }
    targets_[fd] = target;
    watch(fd, EPOLLIN, 0);
  }

  void run() {
    while (!is_over_) {
      epoll_event events[64];
      int const count = ::epoll_wait(epoll_, events, 64, wait_ms());
      for (int i = 0; i < count; ++i) serve(events[i].data.fd, events[i].events);
      if (network_.delays() || count == 0) {
        for (auto at = connections_.begin(); at != connections_.end();) pump(at++);
      }
    }
  }

 private:
  using Place = std::list<Connection>::iterator;

  void watch(int fd, std::uint32_t events, std::uint32_t before) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (before == events && before != 0) return;
    if (::epoll_ctl(epoll_, before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0 && errno == EEXIST) {
      ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
    }
  }

  int wait_ms() const {
    int wait = 1000;
    if (!network_.delays()) return wait;
    for (auto const& connection : connections_) {
      wait = std::min({wait, connection.up.wait_ms(), connection.down.wait_ms()});
    }
    return wait;
  }

  void serve(int fd, std::uint32_t events) {
    if (fd == STDIN_FILENO) return read_commands();
    if (auto const target = targets_.find(fd); target != targets_.end()) return accept(fd, target->second);
    auto const found = by_fd_.find(fd);
    if (found == by_fd_.end()) return;  // closed by an event of this round
    auto const at = found->second;
    if (at->is_connecting && fd == at->broker) {
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return remove(at);
      if ((events & EPOLLOUT) != 0) at->is_connecting = false;
    }
    bool const is_gone = (events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0;
    // A network that holds everything does not pass on that a peer is gone either.
    if (is_gone && !network_.holds_any()) return remove(at);
    if (is_gone) return forget_events(at, fd);
    pump(at);
  }

  void accept(int listener, int target) {
    int const client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    int const broker = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    auto const address = test::loopback(static_cast<std::uint16_t>(target));
    if (::connect(broker, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
      ::close(broker);
      return close_with_reset(client);
    }
    send_at_once(client);
    send_at_once(broker);
    auto const at = connections_.emplace(connections_.end());
    at->client = client;
    at->broker = broker;
    by_fd_[client] = by_fd_[broker] = at;
    at->broker_events = EPOLLOUT;
    watch(broker, EPOLLOUT, 0);
  }

  void pump(Place at) {
    if (at->is_connecting) return;
    auto const up = at->up.move(at->client, at->broker, network_.up);
    auto const down = at->down.move(at->broker, at->client, network_.down);
    if (up == Stream::State::kBroken || down == Stream::State::kBroken) return remove(at);
    if (up == Stream::State::kCut || down == Stream::State::kCut) {
      ++cut_;
      return remove(at);
    }
    if (up == Stream::State::kEnded && down == Stream::State::kEnded) return remove(at);
    bool const has_ended = up == Stream::State::kEnded || down == Stream::State::kEnded;
    if (has_ended && (at->client < 0 || at->broker < 0)) return remove(at);
    rewatch(at->client, at->client_events, at->up, network_.up, at->down, network_.down);
    rewatch(at->broker, at->broker_events, at->down, network_.down, at->up, network_.up);
  }

  void rewatch(int fd, std::uint32_t& before, Stream const& in, Direction const& in_way, Stream const& out,
               Direction const& out_way) {
    if (fd < 0) return;
    std::uint32_t const events = (in.wants_read(in_way) ? EPOLLIN : 0U) | (out.wants_write(out_way) ? EPOLLOUT : 0U);
    if (events == before) return;
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) != 0) ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    before = events;
  }

  /// Without this epoll would report it again and again.
  void forget_events(Place at, int fd) {
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    (fd == at->client ? at->client_events : at->broker_events) = 0;
  }

  void remove(Place at) {
    for (int const fd : {at->client, at->broker}) {
      by_fd_.erase(fd);
      close_with_reset(fd);
    }
    connections_.erase(at);
  }

  void read_commands() {
    char bytes[512];
    auto const got = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (got <= 0) {
      is_over_ = true;
      return;
    }
    input_.append(bytes, static_cast<std::size_t>(got));
    for (auto end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      auto const touched = obey(input_.substr(0, end));
      input_.erase(0, end + 1);
      std::cout << (touched < 0 ? "what" : "ok") << ' ' << touched << ' ' << connections_.size() << ' ' << cut_
                << std::endl;
    }
  }

  /// How many connections the command concerned, or -1.
  long obey(std::string const& command) {
    std::istringstream words(command);
    std::string verb, which;
    words >> verb >> which;
    long const all = static_cast<long>(connections_.size());
    if (verb == "count") return all;
    if (verb == "reset") return reset(which);
    if (verb == "orphan" && (which == "client" || which == "broker")) return orphan(which == "broker");
    if (verb == "cut" && (which == "up" || which == "down")) {
      long bytes = 0;
      words >> bytes;
      for (auto& connection : connections_) (which == "up" ? connection.up : connection.down).cut_after(bytes);
    } else if (verb == "pass") {
      for (auto const* what : {"hold", "lose", "delay", "slice", "cut"}) undo(what);
    } else if (verb == "undo") {
      if (!undo(which)) return -1;
    } else if (verb == "hold" || verb == "lose") {
      auto const way = verb == "hold" ? &Direction::is_held : &Direction::is_lost;
      if (which == "up" || which == "both") network_.up.*way = true;
      if (which == "down" || which == "both") network_.down.*way = true;
    } else if (verb == "delay") {
      int jitter = 0;
      words >> jitter;
      network_.up.delay_ms = network_.down.delay_ms = std::atoi(which.c_str());
      network_.up.jitter_ms = network_.down.jitter_ms = jitter;
    } else if (verb == "slice") {
      network_.up.is_sliced = network_.down.is_sliced = true;
    } else {
      return -1;
    }
    for (auto at = connections_.begin(); at != connections_.end();) pump(at++);
    return all;
  }

  bool undo(std::string const& what) {
    for (auto* way : {&network_.up, &network_.down}) {
      if (what == "hold") way->is_held = false;
      if (what == "lose") way->is_lost = false;
      if (what == "delay") way->delay_ms = way->jitter_ms = 0;
      if (what == "slice") way->is_sliced = false;
    }
    for (auto& connection : connections_) {
      for (auto* stream : {&connection.up, &connection.down}) {
        if (what == "cut") stream->cut_after(-1);
        if (what == "delay") stream->hurry();
      }
    }
    return what == "hold" || what == "lose" || what == "delay" || what == "slice" || what == "cut";
  }

  long reset(std::string const& which) {
    long const before = static_cast<long>(connections_.size());
    if (which == "all") {
      while (!connections_.empty()) remove(connections_.begin());
    } else if (before > 0) {
      remove(std::next(connections_.begin(), std::atol(which.c_str()) % before));
    }
    long const reset = before - static_cast<long>(connections_.size());
    cut_ += static_cast<std::size_t>(reset);
    return reset;
  }

  long orphan(bool is_broker_left) {
    long orphans = 0;
    for (auto& connection : connections_) {
      auto& gone = is_broker_left ? connection.client : connection.broker;
      if (gone < 0 || connection.is_connecting) continue;
      by_fd_.erase(gone);
      close_with_reset(gone);
      gone = -1;
      ++orphans;
      ++cut_;
    }
    for (auto at = connections_.begin(); at != connections_.end();) pump(at++);
    return orphans;
  }

  int epoll_;
  bool is_over_ = false;
  Network network_;
  std::map<int, int> targets_;
  std::list<Connection> connections_;
  std::map<int, Place> by_fd_;
  std::string input_;
  std::size_t cut_ = 0;
};

}  // namespace
}  // namespace fairlead::torture

int main(int argc, char** argv) {
  fairlead::torture::Proxy proxy;
  for (int i = 1; i < argc; ++i) {
    std::string const pair = argv[i];
    auto const equals = pair.find('=');
    if (equals == std::string::npos) {
      std::cerr << "usage: torture_proxy LISTEN=TARGET..." << std::endl;
      return 2;
    }
    proxy.listen(std::stoi(pair.substr(0, equals)), std::stoi(pair.substr(equals + 1)));
  }
  std::cout << "ready" << std::endl;
  proxy.run();
  return 0;
}
