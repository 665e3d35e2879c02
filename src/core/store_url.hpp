#pragma once

#include "core/host_port.hpp"

#include <fairlead/export.hpp>
#include <fairlead/result.hpp>
#include <fairlead/secret.hpp>

#include <string>
#include <string_view>

namespace fairlead {

/// A parsed idempotency store URL (`<fairlead/idempotency.hpp>` has the forms); escapes are decoded.
struct StoreUrl {
  enum class Kind { kMemory, kSqlite, kRedis };
  Kind kind = Kind::kMemory;
  /// What errors and logs may call it: everything but the password.
  std::string shown;

  std::string path;                ///< SQLite: the file
  bool syncs_every_change = true;  ///< SQLite: `synchronous`, FULL or NORMAL

  HostPort server;  ///< Redis
  std::string user;
  Secret password;
  unsigned database = 0;
};

/// Errors name the part that is wrong and never repeat the password, wherever it stands. Does not look whether the
/// store was built in.
[[nodiscard]] FAIRLEAD_EXPORT Result<StoreUrl> parse_store_url(std::string_view url);

}  // namespace fairlead
