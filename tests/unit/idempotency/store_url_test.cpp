#include "core/store_url.hpp"

#include <fairlead/idempotency.hpp>

#include <gtest/gtest.h>

#include <string>

namespace fairlead {
namespace {

std::string complaint(std::string const& url) {
  auto const parsed = parse_store_url(url);
  return parsed ? "none" : parsed.error().message;
}

TEST(StoreUrl, ReadsAFile) {
  EXPECT_EQ(parse_store_url("sqlite:dedupe.db")->path, "dedupe.db");
  EXPECT_TRUE(parse_store_url("sqlite:dedupe.db")->syncs_every_change);
  EXPECT_EQ(parse_store_url("sqlite:/var/lib/a%3fb.db?synchronous=normal")->path, "/var/lib/a?b.db");
  EXPECT_FALSE(parse_store_url("sqlite:x?synchronous=normal")->syncs_every_change);
  EXPECT_EQ(parse_store_url("sqlite:///var/lib/a.db")->path, "/var/lib/a.db");
}

TEST(StoreUrl, RefusesWhatIsNoFile) {
  EXPECT_NE(complaint("sqlite:").find("needs the path"), std::string::npos);
  EXPECT_NE(complaint("sqlite::memory:").find("use memory:"), std::string::npos);
  EXPECT_NE(complaint("sqlite://dedupe.db").find("sqlite:path"), std::string::npos);
  EXPECT_NE(complaint("sqlite:a?mode=ro").find("synchronous"), std::string::npos);
  EXPECT_NE(complaint("sqlite:a%0").find("hexadecimal"), std::string::npos);
}

TEST(StoreUrl, ReadsAServer) {
  auto const url = parse_store_url("redis://bill%40shop:p%2fw@cache.example:7000/3").value();
  EXPECT_EQ(url.user, "bill@shop");
  EXPECT_EQ(url.password.reveal(), "p/w");
  EXPECT_EQ(url.server, (HostPort{"cache.example", 7000}));
  EXPECT_EQ(url.database, 3U);
  EXPECT_EQ(url.shown, "redis://bill@shop@cache.example:7000/3");
  EXPECT_EQ(parse_store_url("redis://").value().server, (HostPort{"localhost", 6379}));
  EXPECT_EQ(parse_store_url("redis://:pw@[::1]/").value().shown, "redis://[::1]:6379/0");
}

TEST(StoreUrl, RefusesWhatItDoesNotSupport) {
  auto const tls = parse_store_url("rediss://host");
  ASSERT_FALSE(tls);
  EXPECT_EQ(tls.error().code, Errc::kUnsupported);
  EXPECT_NE(complaint("postgres://host").find("must be"), std::string::npos);
  EXPECT_NE(complaint("memory://name").find("must be"), std::string::npos);
  EXPECT_NE(complaint("redis://host/zero").find("number"), std::string::npos);
  EXPECT_NE(complaint("redis://host?db=1").find("query"), std::string::npos);
}

TEST(StoreUrl, NeverRepeatsThePassword) {
  for (std::string const url :
       {"redis://canary@host", "redis://u:canary@host:port", "redis://u:ca@canary@host", "redis://u:canary/x@host",
        "redis://u:canary?x@host", "redis://u:canary#x@host", "redis://u:canary%zz@host", "redis://:canary",
        "rediss://u:canary@host", "redis:u:canary@host", "redis://u:canary@host/db", "redis://u:canary@host?x=y"}) {
    EXPECT_NE(complaint(url), "none") << url;
    EXPECT_EQ(complaint(url).find("canary"), std::string::npos) << complaint(url);
  }
  EXPECT_EQ(parse_store_url("redis://u:canary@host")->shown.find("canary"), std::string::npos);
}

TEST(StoreUrl, RefusesOptionsThatCannotWork) {
  EXPECT_FALSE(open_idempotency_store("memory:", {.max_entries = 0}));
  EXPECT_FALSE(open_idempotency_store("memory:", {.timeout = std::chrono::milliseconds(0)}));
  EXPECT_FALSE(open_idempotency_store("memory:", {.connections = 0}));
}

}  // namespace
}  // namespace fairlead
