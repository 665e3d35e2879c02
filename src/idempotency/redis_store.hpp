#pragma once

#include "idempotency/redis_pool.hpp"

#include <fairlead/idempotency.hpp>

#include <atomic>
#include <chrono>
#include <string>

namespace fairlead {

/// Claims in a Redis, each change one script that the server runs as a whole; the server's clock ends them.
/// Thread-safe.
class FAIRLEAD_EXPORT RedisIdempotencyStore final : public IdempotencyStore {
 public:
  RedisIdempotencyStore(StoreUrl url, StoreOptions const& options);

  Result<Claim> claim(ClaimKey key, std::string_view owner, std::chrono::milliseconds lease) override;
  Result<bool> complete(ClaimKey key, std::string_view owner, std::chrono::milliseconds keep) override;
  Result<void> release(ClaimKey key, std::string_view owner) override;
  Result<void> check() override;
  StoreStats stats() override;

 private:
  Result<RedisReply> call(std::vector<std::string_view> const& words);
  Result<RedisReply> run(std::string_view script, ClaimKey key, std::string_view owner,
                         std::chrono::milliseconds lifetime);

  std::string const name_;
  std::chrono::milliseconds const timeout_;
  RedisPool pool_;
  std::atomic<std::uint64_t> evicted_{0};
};

}  // namespace fairlead
