// The table of built stores.
#include "core/store_url.hpp"
#include "idempotency/memory_store.hpp"
#ifdef FAIRLEAD_WITH_REDIS
#include "idempotency/redis_store.hpp"
#endif
#ifdef FAIRLEAD_WITH_SQLITE
#include "idempotency/sqlite_store.hpp"
#endif

#include <string>
#include <utility>

namespace fairlead {
namespace {

using Opened = Result<std::shared_ptr<IdempotencyStore>>;

[[maybe_unused]] Error left_out(StoreUrl const& url, char const* option) {
  return {Errc::kUnsupported, "idempotency store " + url.shown +
                                  ": this Fairlead was built without that store; build it with " + option + "=ON"};
}

}  // namespace

IdempotencyStore::~IdempotencyStore() = default;

Opened open_idempotency_store(std::string_view text, StoreOptions options) {
  auto url = parse_store_url(text);
  if (!url) return std::move(url).error();
  if (options.max_entries == 0 || options.connections == 0 || options.timeout <= std::chrono::milliseconds::zero()) {
    return Error{Errc::kInvalidConfig,
                 "idempotency store: max_entries and connections must be at least 1, timeout longer than zero"};
  }
  switch (url->kind) {
    case StoreUrl::Kind::kMemory: return Opened(std::make_shared<MemoryIdempotencyStore>(std::move(options)));
    case StoreUrl::Kind::kSqlite:
#ifdef FAIRLEAD_WITH_SQLITE
      return Opened(std::make_shared<SqliteIdempotencyStore>(*std::move(url), options));
#else
      return left_out(*url, "FAIRLEAD_WITH_SQLITE");
#endif
    case StoreUrl::Kind::kRedis:
#ifdef FAIRLEAD_WITH_REDIS
      return Opened(std::make_shared<RedisIdempotencyStore>(*std::move(url), options));
#else
      return left_out(*url, "FAIRLEAD_WITH_REDIS");
#endif
  }
  return Error{Errc::kInternal, "unknown idempotency store"};
}

}  // namespace fairlead
