#include "idempotency/redis_pool.hpp"

#include <utility>

namespace fairlead {

RedisPool::RedisPool(StoreUrl url, std::size_t connections) : url_(std::move(url)), free_(connections) {}

Result<RedisReply> RedisPool::call(std::vector<std::string_view> const& words, RedisConnection::Deadline deadline) {
  {
    std::unique_lock lock(mutex_);
    if (!left_.wait_until(lock, deadline, [this] { return free_ > 0; })) {
      return Error{Errc::kTimeout, "all connections were in use for the whole timeout; raise their number", true};
    }
    --free_;
  }
  auto reply = call_on_one(words, deadline);
  {
    std::lock_guard const lock(mutex_);
    ++free_;
  }
  left_.notify_one();
  return reply;
}

Result<RedisReply> RedisPool::call_on_one(std::vector<std::string_view> const& words,
                                          RedisConnection::Deadline deadline) {
  auto connection = take_idle();
  if (connection == nullptr) {
    auto opened = RedisConnection::open(url_, deadline);
    if (!opened) return std::move(opened).error();
    connection = *std::move(opened);
  }
  auto reply = connection->call(words, deadline);
  // After a failover the connection may lead to what is a replica now: look the primary up again.
  bool const keep = connection->is_usable() && (reply || !reply.error().retryable);
  if (keep) {
    std::lock_guard const lock(mutex_);
    idle_.push_back(std::move(connection));
  }
  return reply;
}

/// One that has survived lying idle; those that have not are closed.
std::unique_ptr<RedisConnection> RedisPool::take_idle() {
  for (;;) {
    std::unique_ptr<RedisConnection> connection;
    {
      std::lock_guard const lock(mutex_);
      if (idle_.empty()) return nullptr;
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
    if (connection->is_usable()) return connection;
  }
}

}  // namespace fairlead
