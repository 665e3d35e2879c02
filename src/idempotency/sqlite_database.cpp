#include "idempotency/sqlite_database.hpp"

#include <sqlite3.h>

#include <utility>

namespace fairlead {
namespace {

/// The one place that gives SQLite's codes a meaning.
Error error_of(int code, std::string const& name, std::string const& what) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Errc::kTimeout, name + ": another process or thread held its lock for the whole timeout", true, false,
              code};
    case SQLITE_FULL: return {Errc::kRefused, name + ": " + what + "; make room on its disk", true, false, code};
    case SQLITE_IOERR: return {Errc::kConnectionLost, name + ": " + what, true, true, code};
    case SQLITE_CANTOPEN:
      return {Errc::kNotConnected, name + ": " + what + "; its folder has to exist and be writable", true, false, code};
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {Errc::kNotConnected, name + ": " + what + "; the file and its folder have to be writable", true, false,
              code};
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT: return {Errc::kPreconditionFailed, name + ": " + what, false, false, code};
    case SQLITE_NOMEM: return {Errc::kInternal, name + ": " + what, true, false, code};
    default: return {Errc::kInternal, name + ": " + what, false, false, code};
  }
}

int bind(sqlite3_stmt* statement, int index, SqliteValue const& value) {
  if (auto const* number = std::get_if<std::int64_t>(&value)) return sqlite3_bind_int64(statement, index, *number);
  auto const bytes = std::get<std::string_view>(value);
  char const* const data = bytes.data() == nullptr ? "" : bytes.data();  // a null pointer would be the value NULL
  return sqlite3_bind_blob64(statement, index, data, bytes.size(), SQLITE_STATIC);
}

SqliteRow row_of(sqlite3_stmt* statement) {
  SqliteRow row;
  for (int column = 0; column < sqlite3_column_count(statement); ++column) {
    if (sqlite3_column_type(statement, column) == SQLITE_INTEGER) {
      row.emplace_back(std::int64_t{sqlite3_column_int64(statement, column)});
    } else {
      auto const* const data = static_cast<char const*>(sqlite3_column_blob(statement, column));
      auto const size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
      row.emplace_back(data == nullptr ? std::string() : std::string(data, size));
    }
  }
  return row;
}

}  // namespace

void SqliteDatabase::Close::operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }
void SqliteDatabase::Finalize::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

SqliteDatabase::SqliteDatabase(std::unique_ptr<sqlite3, Close> database, std::string name) noexcept
    : name_(std::move(name)), database_(std::move(database)) {}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(std::string const& path, std::string name,
                                                             std::chrono::milliseconds lock_timeout) {
  sqlite3* opened = nullptr;
  int const flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  int const code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  std::unique_ptr<sqlite3, Close> owned(opened);  // is there after most failures too
  if (code != SQLITE_OK) return error_of(code, name, opened != nullptr ? sqlite3_errmsg(opened) : sqlite3_errstr(code));
  sqlite3_extended_result_codes(opened, 1);
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(std::move(owned), std::move(name)));
  database->set_lock_timeout(lock_timeout);
  return database;
}

void SqliteDatabase::set_lock_timeout(std::chrono::milliseconds timeout) {
  sqlite3_busy_timeout(database_.get(), static_cast<int>(timeout.count()));
}

Result<std::vector<SqliteRow>> SqliteDatabase::run(char const* sql, std::initializer_list<SqliteValue> values) {
  auto const statement = prepared(sql);
  if (!statement) return statement.error();
  int code = SQLITE_OK;
  int index = 0;
  for (SqliteValue const& value : values) {
    if (code == SQLITE_OK) code = bind(*statement, ++index, value);
  }
  std::vector<SqliteRow> rows;
  if (code == SQLITE_OK) {
    for (code = sqlite3_step(*statement); code == SQLITE_ROW; code = sqlite3_step(*statement)) {
      rows.push_back(row_of(*statement));
    }
  }
  bool const is_done = code == SQLITE_DONE;
  Error error = is_done ? Error() : failure();
  sqlite3_reset(*statement);
  sqlite3_clear_bindings(*statement);  // they borrow `values`
  if (!is_done) return error;
  return rows;
}

Result<sqlite3_stmt*> SqliteDatabase::prepared(char const* sql) {
  Statement& statement = statements_[sql];
  if (statement == nullptr) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql, -1, &made, nullptr) != SQLITE_OK) return failure();
    statement.reset(made);
  }
  return statement.get();
}

Error SqliteDatabase::failure() const {
  return error_of(sqlite3_extended_errcode(database_.get()), name_, sqlite3_errmsg(database_.get()));
}

Result<void> SqliteTransaction::begin() {
  // IMMEDIATE: a lock taken at the first write instead would fail at once where two readers want it.
  if (auto begun = database_.run("BEGIN IMMEDIATE"); !begun) return begun.error();
  return {};
}

Result<void> SqliteTransaction::commit() {
  if (auto committed = database_.run("COMMIT"); !committed) return committed.error();
  return {};
}

SqliteTransaction::~SqliteTransaction() {
  bool const is_open = sqlite3_get_autocommit(database_.database_.get()) == 0;
  if (is_open) (void)database_.run("ROLLBACK");
}

}  // namespace fairlead
