#include "core/store_url.hpp"

#include "core/text.hpp"

#include <charconv>
#include <optional>

namespace fairlead {
namespace {

constexpr std::string_view kRedis = "redis://";
constexpr std::string_view kSqlite = "sqlite:";

Error invalid(std::string const& what) { return {Errc::kInvalidConfig, "idempotency store URL: " + what}; }

Result<StoreUrl> parse_sqlite(std::string_view text) {
  StoreUrl url;
  url.kind = StoreUrl::Kind::kSqlite;
  std::size_t const question = text.find('?');
  if (question != std::string_view::npos) {
    std::string_view const query = text.substr(question + 1);
    if (query != "synchronous=full" && query != "synchronous=normal") {
      return invalid(
          "sqlite: takes ?synchronous=full or ?synchronous=normal and nothing else; write '?' in a path "
          "as %3f");
    }
    url.syncs_every_change = query == "synchronous=full";
  }
  std::string_view path = text.substr(0, question);
  if (path.starts_with("//")) {
    // What follows // in a URL is a host: `sqlite://file.db` would be the file in the root folder to one reader and
    // the one in the current folder to the other.
    if (!path.starts_with("///")) {
      return invalid("write sqlite:path for a path from the current folder and sqlite:/path for one from the root");
    }
    path.remove_prefix(2);
  }
  auto plain = unescape_url(path);
  if (!plain) return invalid("'%' without two hexadecimal digits in the path");
  if (plain->empty()) return invalid("sqlite: needs the path of a file, such as sqlite:dedupe.db");
  if (*plain == ":memory:") return invalid("an SQLite database in memory is shared with nobody; use memory:");
  if (plain->find('\0') != std::string::npos) return invalid("a path has no zero byte");
  url.path = *std::move(plain);
  url.shown = "sqlite:" + url.path;
  return url;
}

Result<void> parse_login(std::string_view login, StoreUrl& url) {
  std::size_t const colon = login.find(':');
  // Without the colon it may as well be meant as the password: it is shown nowhere.
  if (colon == std::string_view::npos) {
    return invalid(
        "a user needs a password: redis://user:password@host; for a password alone write "
        "redis://:password@host");
  }
  auto const user = unescape_url(login.substr(0, colon));
  auto const password = unescape_url(login.substr(colon + 1));
  if (!user || !password) return invalid("'%' without two hexadecimal digits in the user or password");
  if (!user->empty() && password->empty()) return invalid("the password of the user is empty");
  url.user = *user;
  url.password = Secret(*password);
  return {};
}

Result<StoreUrl> parse_redis(std::string_view text) {
  StoreUrl url;
  url.kind = StoreUrl::Kind::kRedis;
  // A password that was not escaped is told from the rest first, so that no message below shows a piece of it.
  std::size_t const at = text.find('@');
  if (text.find('#') != std::string_view::npos || at != text.rfind('@') ||
      (at != std::string_view::npos && at > text.find_first_of("/?"))) {
    return invalid("in a user or password write '@' as %40, '#' as %23, '/' as %2f and '?' as %3f");
  }
  if (text.find('?') != std::string_view::npos) return invalid("redis:// takes no query");
  if (at != std::string_view::npos) {
    if (auto login = parse_login(text.substr(0, at), url); !login) return login.error();
    text.remove_prefix(at + 1);
  }
  std::size_t const slash = text.find('/');
  auto server = parse_host_port(text.substr(0, slash), 6379);
  if (!server) return invalid(server.error().message);
  url.server = *std::move(server);
  std::string_view const database = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  if (!database.empty()) {
    auto const [end, status] = std::from_chars(database.data(), database.data() + database.size(), url.database);
    if (status != std::errc() || end != database.data() + database.size() || url.database > 1'000'000) {
      return invalid("behind the host stands the number of the database, such as redis://host/0");
    }
  }
  bool const is_ipv6 = url.server.host.find(':') != std::string::npos;
  url.shown = std::string(kRedis) + (url.user.empty() ? "" : url.user + "@") +
              (is_ipv6 ? '[' + url.server.host + ']' : url.server.host) + ':' + std::to_string(url.server.port) + '/' +
              std::to_string(url.database);
  return url;
}

}  // namespace

Result<StoreUrl> parse_store_url(std::string_view text) {
  if (text == "memory:") {
    StoreUrl url;
    url.shown = text;
    return url;
  }
  if (text.starts_with(kSqlite)) return parse_sqlite(text.substr(kSqlite.size()));
  if (text.starts_with(kRedis)) return parse_redis(text.substr(kRedis.size()));
  if (text.starts_with("rediss://")) {
    return Error{
        Errc::kUnsupported,
        "idempotency store URL: rediss:// (TLS) is not supported; use redis:// to a TLS tunnel on this machine"};
  }
  return invalid("must be memory:, sqlite:path/to/file.db or redis://[user:password@]host[:port][/database]");
}

}  // namespace fairlead
