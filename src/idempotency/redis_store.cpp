#include "idempotency/redis_store.hpp"

#include "core/deadline.hpp"
#include "idempotency/lifetime.hpp"

#include <charconv>
#include <utility>

namespace fairlead {
namespace {

// The value of a key: `c:` and the owner of a claim, or `d:` and the owner that completed it.
constexpr std::string_view kClaim = R"(
  local held = redis.call('GET', KEYS[1])
  if not held then
    redis.call('SET', KEYS[1], 'c:' .. ARGV[1], 'PX', ARGV[2])
    return 0
  end
  if string.sub(held, 1, 2) == 'd:' then return -1 end
  return math.max(redis.call('PTTL', KEYS[1]), 1))";
constexpr std::string_view kComplete = R"(
  local held = redis.call('GET', KEYS[1])
  redis.call('SET', KEYS[1], 'd:' .. ARGV[1], 'PX', ARGV[2])
  if held == 'c:' .. ARGV[1] or held == 'd:' .. ARGV[1] then return 1 end
  return 0)";
constexpr std::string_view kRelease = R"(
  if redis.call('GET', KEYS[1]) == 'c:' .. ARGV[1] then redis.call('DEL', KEYS[1]) end
  return 0)";

}  // namespace

RedisIdempotencyStore::RedisIdempotencyStore(StoreUrl url, StoreOptions const& options)
    : name_("idempotency store " + url.shown), timeout_(options.timeout), pool_(std::move(url), options.connections) {}

Result<RedisReply> RedisIdempotencyStore::call(std::vector<std::string_view> const& words) {
  auto reply = pool_.call(words, deadline_after(timeout_));
  if (!reply) reply.error().message.insert(0, name_ + ": ");
  return reply;
}

Result<RedisReply> RedisIdempotencyStore::run(std::string_view script, ClaimKey key, std::string_view owner,
                                              std::chrono::milliseconds lifetime) {
  // The length in front keeps two pairs with the same concatenation apart.
  std::string const name = std::string("fairlead:claim:")
                               .append(std::to_string(key.scope.size()))
                               .append(1, ':')
                               .append(key.scope)
                               .append(key.key);
  std::string const milliseconds = std::to_string(bounded_lifetime(lifetime).count());
  auto reply = call({"EVAL", script, "1", name, owner, milliseconds});
  if (reply && reply->kind != RedisReply::Kind::kInteger) {
    return Error{Errc::kProtocol, name_ + ": the peer does not answer as a Redis does", false, true};
  }
  return reply;
}

Result<Claim> RedisIdempotencyStore::claim(ClaimKey key, std::string_view owner, std::chrono::milliseconds lease) {
  auto const reply = run(kClaim, key, owner, lease);
  if (!reply) return reply.error();
  if (reply->integer == 0) return Claim{ClaimState::kClaimed};
  if (reply->integer < 0) return Claim{ClaimState::kDone};
  return Claim{ClaimState::kBusy, std::chrono::milliseconds(reply->integer)};
}

Result<bool> RedisIdempotencyStore::complete(ClaimKey key, std::string_view owner, std::chrono::milliseconds keep) {
  auto const reply = run(kComplete, key, owner, keep);
  if (!reply) return reply.error();
  return reply->integer == 1;
}

Result<void> RedisIdempotencyStore::release(ClaimKey key, std::string_view owner) {
  if (auto const reply = run(kRelease, key, owner, {}); !reply) return reply.error();
  return {};
}

Result<void> RedisIdempotencyStore::check() {
  if (auto const reply = call({"PING"}); !reply) return reply.error();
  return {};
}

StoreStats RedisIdempotencyStore::stats() {
  static constexpr std::string_view kName = "evicted_keys:";
  if (auto const reply = call({"INFO", "stats"}); reply) {
    std::string_view const text = reply->text;
    if (std::size_t const at = text.find(kName); at != std::string_view::npos) {
      std::uint64_t count = 0;
      char const* const begin = text.data() + at + kName.size();
      if (std::from_chars(begin, text.data() + text.size(), count).ec == std::errc()) evicted_ = count;
    }
  }
  return {std::nullopt, evicted_, 0};
}

}  // namespace fairlead
