#pragma once

#include <fairlead/export.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace fairlead {

using SqliteValue = std::variant<std::int64_t, std::string_view>;  // texts are stored as bytes
using SqliteRow = std::vector<std::variant<std::int64_t, std::string>>;

/// One connection to an SQLite file. Single-owner.
class FAIRLEAD_EXPORT SqliteDatabase {
 public:
  /// `name` stands in front of every error.
  [[nodiscard]] static Result<std::unique_ptr<SqliteDatabase>> open(std::string const& path, std::string name,
                                                                    std::chrono::milliseconds lock_timeout);

  /// How long later calls wait for another connection's lock.
  void set_lock_timeout(std::chrono::milliseconds timeout);

  /// Runs one statement, prepared once and kept, with `values` for its `?1`, `?2` ... and gives all its rows. `sql`
  /// has to be a literal: it is known by its address.
  Result<std::vector<SqliteRow>> run(char const* sql, std::initializer_list<SqliteValue> values = {});

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

  SqliteDatabase(std::unique_ptr<sqlite3, Close> database, std::string name) noexcept;
  Result<sqlite3_stmt*> prepared(char const* sql);
  [[nodiscard]] Error failure() const;

  friend class SqliteTransaction;
  std::string name_;
  std::unique_ptr<sqlite3, Close> database_;
  std::unordered_map<char const*, Statement> statements_;  // go before the database
};

/// Holds the write lock of the file from `begin` until `commit`, or rolls back at its end. Single-owner.
class FAIRLEAD_EXPORT SqliteTransaction {
 public:
  explicit SqliteTransaction(SqliteDatabase& database) noexcept : database_(database) {}
  SqliteTransaction(SqliteTransaction const&) = delete;
  SqliteTransaction& operator=(SqliteTransaction const&) = delete;
  ~SqliteTransaction();

  Result<void> begin();
  Result<void> commit();

 private:
  SqliteDatabase& database_;
};

}  // namespace fairlead
