#include "core/resolve.hpp"

#include "core/thread.hpp"

#include <netdb.h>

#include <cstring>
#include <utility>

namespace fairlead {

namespace {

Resolver::Answer look_up(HostPort const& host, int flags, int& status) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  Resolver::Answer answer;
  status = ::getaddrinfo(host.host.c_str(), std::to_string(host.port).c_str(), &hints, &found);
  if (status != 0) {
    answer.error = ::gai_strerror(status);
    return answer;
  }
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> const owned(found, &::freeaddrinfo);
  for (auto const* at = found; at != nullptr; at = at->ai_next) {
    Address address;
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
    answer.addresses.push_back(address);
  }
  return answer;
}

}  // namespace

Resolver::Resolver(HostPort const& host, std::function<void()> ready) {
  int status = 0;
  auto numeric = look_up(host, AI_NUMERICHOST, status);
  if (status == 0) {
    shared_->answer = std::move(numeric);
    return;
  }
  Thread("fl-resolve", [shared = shared_, host, ready = std::move(ready)] {
    int ignored = 0;
    auto answer = look_up(host, AI_ADDRCONFIG, ignored);
    {
      std::lock_guard const lock(shared->mutex);
      shared->answer = std::move(answer);
    }
    ready();
  }).detach();
}

std::optional<Resolver::Answer> Resolver::take() {
  std::lock_guard const lock(shared_->mutex);
  return std::exchange(shared_->answer, std::nullopt);
}

}  // namespace fairlead
