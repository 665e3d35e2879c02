#include "idempotency/redis_connection.hpp"

#include "core/event_fd.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace fairlead {
namespace {

std::string errno_text(int code) { return std::generic_category().message(code); }

Error not_connected(int code) { return {Errc::kNotConnected, errno_text(code), true, false, code}; }
Error lost(std::string const& why, int code) { return {Errc::kConnectionLost, why, true, true, code}; }

/// False: the deadline passed first.
bool wait_for(int fd, short events, RedisConnection::Deadline deadline) {
  for (;;) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{fd, events, 0};
    int const count = ::poll(&ready, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000)));
    if (count > 0) return true;
    if (count == 0 && std::chrono::steady_clock::now() >= deadline) return false;
  }
}

Result<std::vector<Address>> look_up(HostPort const& server, RedisConnection::Deadline deadline) {
  auto const answered = std::make_shared<EventFd>();  // the answer may come when nobody waits for it any more
  Resolver resolver(server, [answered] { answered->signal(); });
  auto answer = resolver.take();
  if (!answer && wait_for(answered->fd(), POLLIN, deadline)) answer = resolver.take();
  if (!answer) return Error{Errc::kNotConnected, "looking up the host takes longer than the timeout", true};
  if (answer->addresses.empty()) return Error{Errc::kNotConnected, "looking up the host: " + answer->error, true};
  return std::move(answer->addresses);
}

}  // namespace

Result<std::unique_ptr<RedisConnection>> RedisConnection::open(StoreUrl const& url, Deadline deadline) {
  auto const addresses = look_up(url.server, deadline);
  if (!addresses) return addresses.error();
  Result<void> connected;
  auto untried = static_cast<std::int64_t>(addresses->size());
  for (Address const& address : *addresses) {
    std::unique_ptr<RedisConnection> connection(new RedisConnection);
    auto const now = std::chrono::steady_clock::now();
    // One that swallows everything leaves time for the others.
    connected = connection->connect(address, now + (deadline - now) / untried--);
    if (!connected) continue;
    if (auto logged_in = connection->log_in(url, deadline); !logged_in) return std::move(logged_in).error();
    return connection;
  }
  return std::move(connected).error();
}

Result<void> RedisConnection::connect(Address const& address, Deadline deadline) {
  fd_ = UniqueFd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd_.get() < 0) return not_connected(errno);
  int const on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (::connect(fd_.get(), reinterpret_cast<sockaddr const*>(&address.storage), address.size) == 0) return {};
  if (errno != EINPROGRESS && errno != EINTR) return not_connected(errno);
  if (!wait_for(fd_.get(), POLLOUT, deadline)) return not_connected(ETIMEDOUT);
  int failure = 0;
  socklen_t size = sizeof failure;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
  if (failure != 0) return not_connected(failure);
  return {};
}

Result<void> RedisConnection::log_in(StoreUrl const& url, Deadline deadline) {
  std::vector<std::vector<std::string_view>> commands;
  std::string const database = std::to_string(url.database);
  if (!url.user.empty()) {
    commands.push_back({"AUTH", url.user, url.password.reveal()});
  } else if (!url.password.empty()) {
    commands.push_back({"AUTH", url.password.reveal()});
  }
  if (url.database != 0) commands.push_back({"SELECT", database});
  for (auto const& command : commands) {
    auto reply = call(command, deadline);
    if (reply) continue;
    Error error = std::move(reply).error();
    error.maybe_applied = false;  // no key was touched
    // Not the reply's text: it may repeat the password (`unknown command 'AUTH', with args ...`).
    if (!is_broken_ && !error.retryable && command[0] == "AUTH") {
      error = {Errc::kAuthentication, "the server refused the user or the password in the store's URL"};
    }
    return error;
  }
  return {};
}

bool RedisConnection::is_usable() const noexcept {
  pollfd ready{fd_.get(), POLLIN, 0};
  return !is_broken_ && ::poll(&ready, 1, 0) == 0;
}

Result<RedisReply> RedisConnection::call(std::vector<std::string_view> const& words, Deadline deadline) {
  auto reply = exchange(format_redis_command(words), deadline);
  is_broken_ = is_broken_ || !reply;  // a late reply would be taken for the next command's
  if (reply && reply->kind == RedisReply::Kind::kError) return redis_error(reply->text);
  return reply;
}

Result<RedisReply> RedisConnection::exchange(std::string_view command, Deadline deadline) {
  if (auto sent = send(command, deadline); !sent) return std::move(sent).error();
  return receive(deadline);
}

Result<void> RedisConnection::send(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    auto const count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait_for(fd_.get(), POLLOUT, deadline)) return Error{Errc::kTimeout, "no answer in time", true, true};
    } else if (errno != EINTR) {
      return lost(errno_text(errno), errno);
    }
  }
  return {};
}

Result<RedisReply> RedisConnection::receive(Deadline deadline) {
  std::array<char, 4096> room;
  for (;;) {
    auto const count = ::recv(fd_.get(), room.data(), room.size(), 0);
    if (count > 0) {
      auto reply = reader_.feed({room.data(), static_cast<std::size_t>(count)});
      if (!reply) return std::move(reply).error();
      if (*reply) return **std::move(reply);
    } else if (count == 0) {
      return lost("closed by the server", 0);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait_for(fd_.get(), POLLIN, deadline)) return Error{Errc::kTimeout, "no answer in time", true, true};
    } else if (errno != EINTR) {
      return lost(errno_text(errno), errno);
    }
  }
}

}  // namespace fairlead
