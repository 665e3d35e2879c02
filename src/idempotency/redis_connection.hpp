#pragma once

#include "core/resolve.hpp"
#include "core/store_url.hpp"
#include "core/unique_fd.hpp"
#include "idempotency/redis_wire.hpp"

#include <fairlead/result.hpp>

#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

namespace fairlead {

/// One connection to a Redis, logged in. Every wait ends at the call's deadline. Its own socket instead of hiredis's
/// context: that one has no deadline for a whole call, and its writes raise SIGPIPE in the application's thread when
/// the server went away. Single-owner.
class RedisConnection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  [[nodiscard]] static Result<std::unique_ptr<RedisConnection>> open(StoreUrl const& url, Deadline deadline);

  /// False: the server has ended it, or sent what nobody asked for, while it lay idle.
  [[nodiscard]] bool is_usable() const noexcept;

  /// Sends a command and waits for its reply; an error reply is an error. After `Errc::kConnectionLost`, `kTimeout` and
  /// `kProtocol` its end may still be under way: `is_usable` is false from then on.
  Result<RedisReply> call(std::vector<std::string_view> const& words, Deadline deadline);

 private:
  RedisConnection() = default;
  Result<void> connect(Address const& address, Deadline deadline);
  Result<void> log_in(StoreUrl const& url, Deadline deadline);
  Result<RedisReply> exchange(std::string_view command, Deadline deadline);
  Result<void> send(std::string_view bytes, Deadline deadline);
  Result<RedisReply> receive(Deadline deadline);

  UniqueFd fd_;
  RedisReplyReader reader_;
  bool is_broken_ = false;
};

}  // namespace fairlead
