#pragma once

#include "core/store_url.hpp"
#include "core/timed_mutex.hpp"
#include "idempotency/sqlite_database.hpp"

#include <fairlead/idempotency.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>

namespace fairlead {

/// Claims in an SQLite file that any number of processes share. One connection, one call at a time. Thread-safe.
class FAIRLEAD_EXPORT SqliteIdempotencyStore final : public IdempotencyStore {
 public:
  using Clock = std::chrono::system_clock;  // the one that processes have in common

  SqliteIdempotencyStore(StoreUrl url, StoreOptions const& options,
                         std::function<Clock::time_point()> now = &Clock::now);

  Result<Claim> claim(ClaimKey key, std::string_view owner, std::chrono::milliseconds lease) override;
  Result<bool> complete(ClaimKey key, std::string_view owner, std::chrono::milliseconds keep) override;
  Result<void> release(ClaimKey key, std::string_view owner) override;
  Result<void> check() override;
  StoreStats stats() override;

 private:
  Result<std::unique_ptr<SqliteDatabase>> open(std::chrono::steady_clock::time_point deadline) const;
  /// Runs `work` on the open database, which is opened first where need be and closed again where it is broken.
  template <class Work>
  auto with_database(Work work) -> std::invoke_result_t<Work, SqliteDatabase&>;
  Result<Claim> claim_in(SqliteDatabase& database, ClaimKey key, std::string_view owner,
                         std::chrono::milliseconds lease);
  Result<bool> complete_in(SqliteDatabase& database, ClaimKey key, std::string_view owner,
                           std::chrono::milliseconds keep);
  Result<void> sweep(SqliteDatabase& database, std::int64_t now);
  [[nodiscard]] std::int64_t now_in_ms() const;

  StoreUrl const url_;
  std::chrono::milliseconds const timeout_;
  std::function<Clock::time_point()> const now_;
  TimedMutex mutex_;
  std::unique_ptr<SqliteDatabase> database_;  // null until it is needed, and after it broke
  std::atomic<std::uint64_t> expired_{0};
};

}  // namespace fairlead
