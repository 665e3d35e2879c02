#pragma once

#include "idempotency/redis_connection.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace fairlead {

/// At most so many connections, each opened when it is wanted and kept while it works. Thread-safe.
class RedisPool {
 public:
  RedisPool(StoreUrl url, std::size_t connections);

  /// Runs one command on a free connection, waiting for one until the deadline.
  Result<RedisReply> call(std::vector<std::string_view> const& words, RedisConnection::Deadline deadline);

 private:
  std::unique_ptr<RedisConnection> take_idle();
  Result<RedisReply> call_on_one(std::vector<std::string_view> const& words, RedisConnection::Deadline deadline);

  StoreUrl const url_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::size_t free_;  // places for threads that hold a connection
  std::vector<std::unique_ptr<RedisConnection>> idle_;
};

}  // namespace fairlead
