#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace fairlead {

/// Ends a poll from another thread. Thread-safe.
class EventFd {
 public:
  EventFd() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "cannot create an eventfd");
  }
  ~EventFd() { ::close(fd_); }
  EventFd(EventFd const&) = delete;
  EventFd& operator=(EventFd const&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  void signal() noexcept {
    std::uint64_t const one = 1;
    [[maybe_unused]] auto const written = ::write(fd_, &one, sizeof one);  // fails only when already signalled
  }
  void clear() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] auto const read = ::read(fd_, &count, sizeof count);
  }

 private:
  int fd_;
};

}  // namespace fairlead
