#include "idempotency/sqlite_store.hpp"

#include "support/wait.hpp"
#include "unit/idempotency/store_under_test.hpp"

#include <signal.h>
#include <sys/resource.h>

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace fairlead {
namespace {

class SqliteStoreTest : public testing::Test {
 protected:
  [[nodiscard]] std::string url() const { return "sqlite:" + folder_.file("claims.db"); }
  SqliteIdempotencyStore make() {
    return SqliteIdempotencyStore(parse_store_url(url()).value(), {}, [this] { return now_; });
  }
  std::unique_ptr<SqliteDatabase> open_database() const {
    return SqliteDatabase::open(folder_.file("claims.db"), "a test", 5s).value();
  }
  static ClaimState claim(IdempotencyStore& store, std::string_view key, std::string_view owner = "ann") {
    return store.claim(order(key), owner, 10s).value().state;
  }

  TemporaryFolder folder_;
  SqliteIdempotencyStore::Clock::time_point now_{1'000'000h};
};

/// No file may grow past the limit, as on a full disk; lifted at its end.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit const limit{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(FileSizeLimit const&) = delete;
  FileSizeLimit& operator=(FileSizeLimit const&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  sighandler_t old_handler_;
};

TEST_F(SqliteStoreTest, HoldsALeaseToItsLastMillisecond) {
  auto store = make();
  ASSERT_EQ(claim(store, "1"), ClaimState::kClaimed);
  now_ += 10s - 1ms;
  EXPECT_EQ(store.claim(order("1"), "bob", 10s).value().busy_for, 1ms);
  now_ += 1ms;
  EXPECT_EQ(claim(store, "1", "bob"), ClaimState::kClaimed);
  EXPECT_EQ(store.stats().expired, 1U);
}

TEST_F(SqliteStoreTest, CountsACompletionPastTheLeaseAsLostEvenWhenNobodyElseCame) {
  auto store = make();
  ASSERT_EQ(claim(store, "1"), ClaimState::kClaimed);
  now_ += 10s;
  EXPECT_FALSE(store.complete(order("1"), "ann", 10s).value());
  EXPECT_EQ(claim(store, "1", "bob"), ClaimState::kDone);
}

TEST_F(SqliteStoreTest, SurvivesReopening) {
  {
    auto store = make();
    ASSERT_EQ(claim(store, "claimed"), ClaimState::kClaimed);
    ASSERT_EQ(claim(store, "done"), ClaimState::kClaimed);
    ASSERT_TRUE(store.complete(order("done"), "ann", 1h).value());
  }
  auto store = make();
  EXPECT_EQ(claim(store, "claimed", "bob"), ClaimState::kBusy);
  EXPECT_EQ(claim(store, "done", "bob"), ClaimState::kDone);
  EXPECT_TRUE(store.complete(order("claimed"), "ann", 1h).value());
}

TEST_F(SqliteStoreTest, ForgetsWhatHasEndedWhileOthersAreClaimed) {
  auto store = make();
  for (int key = 0; key < 100; ++key) ASSERT_EQ(claim(store, std::to_string(key)), ClaimState::kClaimed);
  now_ += 10s;
  for (int key = 100; key < 130; ++key) ASSERT_EQ(claim(store, std::to_string(key)), ClaimState::kClaimed);
  auto const rows = open_database()->run("SELECT count(*) FROM fairlead_claims").value();
  EXPECT_EQ(std::get<std::int64_t>(rows[0][0]), 30);
  EXPECT_EQ(store.stats().expired, 100U);
}

TEST_F(SqliteStoreTest, KeepsAWriteAheadLog) {
  auto const store = open_idempotency_store(url()).value();
  store->check().value();
  auto const mode = open_database()->run("PRAGMA journal_mode").value();
  EXPECT_EQ(std::get<std::string>(mode[0][0]), "wal");
}

TEST_F(SqliteStoreTest, GivesUpOnALockThatIsNotReleasedAndGoesOnAfterwards) {
  auto const store = open_idempotency_store(url(), {.timeout = 50ms}).value();
  store->check().value();
  auto const other = open_database();
  {
    SqliteTransaction transaction(*other);
    transaction.begin().value();
    auto const refused = store->claim(order("1"), "ann", 10s);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kTimeout);
    EXPECT_TRUE(refused.error().retryable);
    EXPECT_NE(refused.error().message.find(url()), std::string::npos);
  }
  EXPECT_EQ(claim(*store, "1"), ClaimState::kClaimed);
}

TEST_F(SqliteStoreTest, SaysWhereItCannotKeepItsFile) {
  std::ofstream(folder_.file("a file")) << "text";
  // Also root cannot make a file in /proc.
  for (std::string const& path : {folder_.file("missing/claims.db"), folder_.file("a%20file/claims.db"),
                                  folder_.file(""), std::string("/proc/claims.db")}) {
    auto const store = open_idempotency_store("sqlite:" + path).value();
    auto const refused = store->claim(order("1"), "ann", 10s);
    ASSERT_FALSE(refused) << path;
    EXPECT_EQ(refused.error().code, Errc::kNotConnected) << refused.error().message;
    EXPECT_TRUE(refused.error().retryable);
    EXPECT_NE(refused.error().message.find("folder"), std::string::npos) << refused.error().message;
    EXPECT_FALSE(store->check());
  }
}

TEST_F(SqliteStoreTest, RefusesAFileThatIsNoDatabase) {
  std::ofstream(folder_.file("claims.db")) << std::string(8'192, 'x');
  auto const refused = open_idempotency_store(url()).value()->check();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kPreconditionFailed);
  EXPECT_FALSE(refused.error().retryable);
}

TEST_F(SqliteStoreTest, ReportsADiskThatTakesNoMoreAndGoesOnWhenItDoes) {
  auto const store = open_idempotency_store(url()).value();
  int key = 0;
  {
    FileSizeLimit const limit(256 * 1'024);
    Result<Claim> last = store->claim(order("0"), "ann", 1h);
    while (last && key < 1'000) last = store->claim(order(std::to_string(++key)), "ann", 1h);
    ASSERT_FALSE(last);
    EXPECT_TRUE(last.error().retryable);
    EXPECT_NE(last.error().message.find(url()), std::string::npos);
  }
  EXPECT_EQ(claim(*store, std::to_string(key)), ClaimState::kClaimed);
  EXPECT_EQ(claim(*store, "0", "bob"), ClaimState::kBusy);
  EXPECT_TRUE(store->complete(order("0"), "ann", 1h).value());
}

TEST_F(SqliteStoreTest, NamesAFullDatabase) {
  auto const database = open_database();
  database->run("PRAGMA max_page_count = 4").value();
  database->run("CREATE TABLE t (bytes BLOB)").value();
  auto const refused = database->run("INSERT INTO t VALUES (?1)", {std::string(100'000, 'x')});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kRefused);
  EXPECT_TRUE(refused.error().retryable);
}

}  // namespace
}  // namespace fairlead
