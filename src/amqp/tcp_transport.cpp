#include "amqp/transport.hpp"
#include "core/unique_fd.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace fairlead::amqp {

namespace {

std::string errno_text(int code) { return std::generic_category().message(code); }

Error broken(int code) { return {Errc::kConnectionLost, errno_text(code), true, true, code}; }

class TcpTransport final : public Transport {
 public:
  TcpTransport(UniqueFd fd, bool is_connected) noexcept : fd_(std::move(fd)), is_connected_(is_connected) {}

  int fd() const noexcept override { return fd_.get(); }

  Result<bool> connect() override {
    if (is_connected_) return true;
    pollfd ready{fd_.get(), POLLOUT, 0};
    if (::poll(&ready, 1, 0) == 0) return false;
    int failure = 0;
    socklen_t size = sizeof failure;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
    if (failure != 0) return Error{Errc::kNotConnected, errno_text(failure), true, false, failure};
    return is_connected_ = true;
  }

  short wanted(bool has_output) const noexcept override {
    if (!is_connected_) return POLLOUT;
    return static_cast<short>(has_output ? POLLIN | POLLOUT : POLLIN);
  }

  Result<std::size_t> read_some(std::span<char> room) override {
    for (;;) {
      auto const count = ::recv(fd_.get(), room.data(), room.size(), 0);
      if (count > 0) return static_cast<std::size_t>(count);
      if (count == 0) return Error{Errc::kConnectionLost, "closed by the peer", true, true, 0};
      if (errno == EAGAIN || errno == EWOULDBLOCK) return std::size_t{0};
      if (errno != EINTR) return broken(errno);
    }
  }

  Result<std::size_t> write_some(std::string_view bytes) override {
    for (;;) {
      auto const count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno == EAGAIN || errno == EWOULDBLOCK) return std::size_t{0};
      if (errno != EINTR) return broken(errno);
    }
  }

 private:
  UniqueFd fd_;
  bool is_connected_;
};

}  // namespace

Result<std::unique_ptr<Transport>> open_tcp(Address const& address) {
  UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return Error{Errc::kNotConnected, errno_text(errno), true, false, errno};
  int const on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  bool const is_connected = ::connect(fd.get(), reinterpret_cast<sockaddr const*>(&address.storage), address.size) == 0;
  if (!is_connected && errno != EINPROGRESS && errno != EINTR) {
    return Error{Errc::kNotConnected, errno_text(errno), true, false, errno};
  }
  return std::unique_ptr<Transport>(std::make_unique<TcpTransport>(std::move(fd), is_connected));
}

}  // namespace fairlead::amqp
