#include "idempotency/redis_wire.hpp"

#include <hiredis/hiredis.h>

#include <new>

namespace fairlead {
namespace {

/// More than any reply to what this library asks.
constexpr std::size_t kLongestReply = std::size_t{1} << 20U;

RedisReply reply_of(redisReply const& raw) {
  RedisReply reply;
  switch (raw.type) {
    case REDIS_REPLY_INTEGER:
      reply.kind = RedisReply::Kind::kInteger;
      reply.integer = raw.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
      reply.kind = raw.type == REDIS_REPLY_ERROR ? RedisReply::Kind::kError : RedisReply::Kind::kText;
      reply.text.assign(raw.str, static_cast<std::size_t>(raw.len));
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = RedisReply::Kind::kArray;
      for (std::size_t index = 0; index < raw.elements; ++index) reply.items.push_back(reply_of(*raw.element[index]));
      break;
    default: break;
  }
  return reply;
}

}  // namespace

std::string format_redis_command(std::vector<std::string_view> const& words) {
  std::vector<char const*> starts;
  std::vector<std::size_t> sizes;
  for (std::string_view word : words) {
    starts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* formatted = nullptr;
  auto const size = redisFormatCommandArgv(&formatted, static_cast<int>(words.size()), starts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  std::unique_ptr<char, decltype(&redisFreeCommand)> const owned(formatted, &redisFreeCommand);
  return {formatted, static_cast<std::size_t>(size)};
}

void RedisReplyReader::Free::operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }

RedisReplyReader::RedisReplyReader() : reader_(redisReaderCreate()) {
  if (reader_ == nullptr) throw std::bad_alloc();
}

Result<std::optional<RedisReply>> RedisReplyReader::feed(std::string_view bytes) {
  received_ += bytes.size();
  void* raw = nullptr;
  bool const is_valid = redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) == REDIS_OK &&
                        redisReaderGetReply(reader_.get(), &raw) == REDIS_OK;
  if (!is_valid || received_ > kLongestReply) {
    if (raw != nullptr) freeReplyObject(raw);
    return Error{Errc::kProtocol, "the peer does not answer as a Redis does", false, true};
  }
  if (raw == nullptr) return std::optional<RedisReply>();
  std::unique_ptr<void, decltype(&freeReplyObject)> const owned(raw, &freeReplyObject);
  received_ = 0;
  return std::optional(reply_of(*static_cast<redisReply const*>(raw)));
}

Error redis_error(std::string_view reply) {
  struct Known {
    std::string_view prefix;
    Errc code;
    bool retryable;
    std::string_view advice;
  };
  static constexpr Known kKnown[] = {
      {"NOAUTH", Errc::kAuthentication, false, "; put the password into the store's URL"},
      {"WRONGPASS", Errc::kAuthentication, false, ""},
      {"NOPERM", Errc::kAccessDenied, false, "; the user needs EVAL, GET, SET, DEL, PTTL, PING and INFO"},
      {"LOADING", Errc::kNotConnected, true, ""},
      {"BUSY", Errc::kTimeout, true, ""},
      {"READONLY", Errc::kRefused, true, "; the URL has to name the primary"},
      {"MASTERDOWN", Errc::kNotConnected, true, ""},
      {"CLUSTERDOWN", Errc::kNotConnected, true, ""},
      {"MISCONF", Errc::kRefused, true, ""},
      {"NOREPLICAS", Errc::kRefused, true, ""},
      {"OOM", Errc::kRefused, true, "; raise its maxmemory"},
      {"MOVED", Errc::kUnsupported, false, "; a Redis Cluster is not supported"},
      {"ERR max number of clients", Errc::kNotConnected, true, ""},
      // A command inside the script that was refused: the reason is in the text.
      {"ERR Error running script", Errc::kRefused, true, ""},
  };
  for (Known const& known : kKnown) {
    if (!reply.starts_with(known.prefix)) continue;
    return {known.code, std::string("refused: ").append(reply).append(known.advice), known.retryable};
  }
  return {Errc::kRefused, std::string("refused: ").append(reply), false};
}

}  // namespace fairlead
