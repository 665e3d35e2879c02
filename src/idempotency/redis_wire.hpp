#pragma once

#include <fairlead/export.hpp>
#include <fairlead/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace fairlead {

struct RedisReply {
  enum class Kind { kNil, kInteger, kText, kError, kArray };
  Kind kind = Kind::kNil;
  std::int64_t integer = 0;
  std::string text;  ///< of a text, a status or an error
  std::vector<RedisReply> items;
};

/// A command as it goes over the wire.
[[nodiscard]] FAIRLEAD_EXPORT std::string format_redis_command(std::vector<std::string_view> const& words);

/// Puts replies together from bytes as they arrive. Single-owner.
class FAIRLEAD_EXPORT RedisReplyReader {
 public:
  RedisReplyReader();

  /// The next reply once it is complete. An error ends the connection: the peer does not speak Redis.
  Result<std::optional<RedisReply>> feed(std::string_view bytes);

 private:
  struct Free {
    void operator()(redisReader* reader) const noexcept;
  };
  std::unique_ptr<redisReader, Free> reader_;
  std::size_t received_ = 0;  // of the reply under way
};

/// What an error reply, such as `NOPERM this user has no permissions`, means to a caller; the one place that knows.
[[nodiscard]] FAIRLEAD_EXPORT Error redis_error(std::string_view reply);

}  // namespace fairlead
