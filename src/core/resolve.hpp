#pragma once

#include "core/host_port.hpp"

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace fairlead {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// Looks up a host without holding up the caller. Numeric addresses are answered at once; for names getaddrinfo runs
/// on a thread of its own, because it may block for many seconds and cannot be stopped.
class Resolver {
 public:
  struct Answer {
    std::vector<Address> addresses;
    std::string error;  ///< why there are none
  };

  /// `ready` is called on the other thread, perhaps after the Resolver is gone.
  Resolver(HostPort const& host, std::function<void()> ready);

  /// The answer, once. Empty as long as there is none.
  [[nodiscard]] std::optional<Answer> take();

 private:
  struct Shared {
    std::mutex mutex;
    std::optional<Answer> answer;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace fairlead
