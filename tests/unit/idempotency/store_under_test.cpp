#include "unit/idempotency/store_under_test.hpp"

#include "support/missing.hpp"
#include "support/redis_server.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace fairlead {
namespace {

struct MemoryPlace final : StorePlace {
  [[nodiscard]] std::string url() const override { return "memory:"; }
};

struct SqlitePlace final : StorePlace {
  [[nodiscard]] std::string url() const override { return "sqlite:" + folder.file("claims.db"); }
  TemporaryFolder folder;
};

struct RedisPlace final : StorePlace {
  [[nodiscard]] std::string url() const override { return server.url(); }
  test::RedisServer server;
};

}  // namespace

TemporaryFolder::TemporaryFolder() {
  path_ = (std::filesystem::temp_directory_path() / "fairlead-store-XXXXXX").string();
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary folder");
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

bool require_redis() {
  std::string const missing = test::RedisServer::missing();
  if (missing.empty()) return true;
  test::miss({missing});
  return false;
}

std::unique_ptr<StorePlace> make_place(std::string_view kind) {
  if (kind == "memory") return std::make_unique<MemoryPlace>();
  if (kind == "sqlite") return std::make_unique<SqlitePlace>();
  return std::make_unique<RedisPlace>();
}

}  // namespace fairlead
