#include "idempotency/sqlite_store.hpp"

#include "core/deadline.hpp"
#include "idempotency/lifetime.hpp"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

namespace fairlead {
namespace {

using std::chrono::milliseconds;

// `until` is in milliseconds since 1970: the end of the lease, or of the retention when done.
constexpr char const* kCreateTable =
    "CREATE TABLE IF NOT EXISTS fairlead_claims (scope BLOB NOT NULL, key BLOB NOT NULL, owner BLOB NOT NULL, "
    "done INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (scope, key)) WITHOUT ROWID";
constexpr char const* kCreateIndex = "CREATE INDEX IF NOT EXISTS fairlead_claims_until ON fairlead_claims (until)";
constexpr char const* kFind = "SELECT owner, done, until FROM fairlead_claims WHERE scope = ?1 AND key = ?2";
constexpr char const* kSet =
    "INSERT INTO fairlead_claims (scope, key, owner, done, until) VALUES (?1, ?2, ?3, ?4, ?5) "
    "ON CONFLICT (scope, key) DO UPDATE SET owner = excluded.owner, done = excluded.done, until = excluded.until";
constexpr char const* kRelease =
    "DELETE FROM fairlead_claims WHERE scope = ?1 AND key = ?2 AND owner = ?3 AND done = 0";
// Goes along with each granted claim: a little more than that adds, so that what has ended does not pile up.
constexpr char const* kSweep =
    "DELETE FROM fairlead_claims WHERE (scope, key) IN "
    "(SELECT scope, key FROM fairlead_claims WHERE until <= ?1 ORDER BY until LIMIT 4) RETURNING done";

milliseconds time_until(std::chrono::steady_clock::time_point deadline) {
  return std::max(std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now()), milliseconds(0));
}

struct Entry {
  std::string owner;
  bool is_done = false;
  std::int64_t until = 0;
};

Result<std::optional<Entry>> find(SqliteDatabase& database, ClaimKey key) {
  auto rows = database.run(kFind, {key.scope, key.key});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return std::optional<Entry>();
  SqliteRow& row = rows->front();
  return std::optional(Entry{std::get<std::string>(std::move(row[0])), std::get<std::int64_t>(row[1]) != 0,
                             std::get<std::int64_t>(row[2])});
}

/// The file behind the connection may be gone or damaged: the next call opens it anew.
bool is_broken(Error const& error) noexcept {
  return error.code == Errc::kConnectionLost || error.code == Errc::kNotConnected ||
         error.code == Errc::kPreconditionFailed;
}

}  // namespace

SqliteIdempotencyStore::SqliteIdempotencyStore(StoreUrl url, StoreOptions const& options,
                                               std::function<Clock::time_point()> now)
    : url_(std::move(url)),
      timeout_(std::clamp<milliseconds>(options.timeout, milliseconds(0), std::chrono::hours(1))),
      now_(std::move(now)) {}

Result<std::unique_ptr<SqliteDatabase>> SqliteIdempotencyStore::open(
    std::chrono::steady_clock::time_point deadline) const {
  std::string const name = "idempotency store " + url_.shown;
  auto opened = SqliteDatabase::open(url_.path, name, time_until(deadline));
  if (!opened) return std::move(opened).error();
  auto mode = (*opened)->run("PRAGMA journal_mode = WAL");
  // While another process makes the same change this fails at once: SQLite does not wait here.
  while (!mode && mode.error().code == Errc::kTimeout && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(5));
    mode = (*opened)->run("PRAGMA journal_mode = WAL");
  }
  if (!mode) return std::move(mode).error();
  if (mode->empty() || std::get<std::string>(mode->front()[0]) != "wal") {
    return Error{Errc::kPreconditionFailed, name + ": its file system does not allow WAL; use a local disk"};
  }
  for (char const* sql : {url_.syncs_every_change ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                          kCreateTable, kCreateIndex}) {
    if (auto done = (*opened)->run(sql); !done) return std::move(done).error();
  }
  return opened;
}

template <class Work>
auto SqliteIdempotencyStore::with_database(Work work) -> std::invoke_result_t<Work, SqliteDatabase&> {
  auto const deadline = deadline_after(timeout_);
  std::unique_lock lock(mutex_, std::defer_lock);
  if (!lock.try_lock_until(deadline)) {
    return Error{Errc::kTimeout, "idempotency store " + url_.shown + ": other threads used it for the whole timeout",
                 true};
  }
  if (database_ == nullptr) {
    auto opened = open(deadline);
    if (!opened) return std::move(opened).error();
    database_ = *std::move(opened);
  }
  database_->set_lock_timeout(time_until(deadline));
  auto result = work(*database_);
  if (!result && is_broken(result.error())) database_.reset();
  return result;
}

Result<Claim> SqliteIdempotencyStore::claim(ClaimKey key, std::string_view owner, milliseconds lease) {
  return with_database([&](SqliteDatabase& database) { return claim_in(database, key, owner, lease); });
}

Result<Claim> SqliteIdempotencyStore::claim_in(SqliteDatabase& database, ClaimKey key, std::string_view owner,
                                               milliseconds lease) {
  SqliteTransaction transaction(database);
  if (auto begun = transaction.begin(); !begun) return begun.error();
  auto const now = now_in_ms();  // not before the lock: the wait for it may be long
  auto const entry = find(database, key);
  if (!entry) return entry.error();
  if (*entry && (*entry)->until > now) {
    if ((*entry)->is_done) return Claim{ClaimState::kDone};
    return Claim{ClaimState::kBusy, milliseconds((*entry)->until - now)};
  }
  auto const until = now + bounded_lifetime(lease).count();
  auto set = database.run(kSet, {key.scope, key.key, owner, std::int64_t{0}, std::int64_t{until}});
  if (!set) return std::move(set).error();
  if (auto swept = sweep(database, now); !swept) return swept.error();
  if (auto committed = transaction.commit(); !committed) return committed.error();
  if (*entry && !(*entry)->is_done) ++expired_;
  return Claim{ClaimState::kClaimed};
}

Result<void> SqliteIdempotencyStore::sweep(SqliteDatabase& database, std::int64_t now) {
  auto const rows = database.run(kSweep, {now});
  if (!rows) return rows.error();
  for (SqliteRow const& row : *rows) {
    if (std::get<std::int64_t>(row[0]) == 0) ++expired_;
  }
  return {};
}

Result<bool> SqliteIdempotencyStore::complete(ClaimKey key, std::string_view owner, milliseconds keep) {
  return with_database([&](SqliteDatabase& database) { return complete_in(database, key, owner, keep); });
}

Result<bool> SqliteIdempotencyStore::complete_in(SqliteDatabase& database, ClaimKey key, std::string_view owner,
                                                 milliseconds keep) {
  SqliteTransaction transaction(database);
  if (auto begun = transaction.begin(); !begun) return begun.error();
  auto const now = now_in_ms();
  auto const entry = find(database, key);
  if (!entry) return entry.error();
  bool const was_held = *entry && (*entry)->owner == owner && (*entry)->until > now;
  auto const until = now + bounded_lifetime(keep).count();
  auto set = database.run(kSet, {key.scope, key.key, owner, std::int64_t{1}, std::int64_t{until}});
  if (!set) return std::move(set).error();
  if (auto committed = transaction.commit(); !committed) return committed.error();
  return was_held;
}

Result<void> SqliteIdempotencyStore::release(ClaimKey key, std::string_view owner) {
  return with_database([&](SqliteDatabase& database) -> Result<void> {
    if (auto released = database.run(kRelease, {key.scope, key.key, owner}); !released) return released.error();
    return {};
  });
}

Result<void> SqliteIdempotencyStore::check() {
  return with_database([](SqliteDatabase& database) -> Result<void> {
    SqliteTransaction transaction(database);  // takes the write lock and gives it back
    return transaction.begin();
  });
}

StoreStats SqliteIdempotencyStore::stats() { return {std::nullopt, 0, expired_}; }

std::int64_t SqliteIdempotencyStore::now_in_ms() const {
  return std::chrono::duration_cast<milliseconds>(now_().time_since_epoch()).count();
}

}  // namespace fairlead
