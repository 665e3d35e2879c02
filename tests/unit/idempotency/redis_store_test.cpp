#include "idempotency/redis_wire.hpp"
#include "support/redis_server.hpp"
#include "support/silent_server.hpp"
#include "support/wait.hpp"
#include "unit/idempotency/store_under_test.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace fairlead {
namespace {

using std::chrono::steady_clock;

std::shared_ptr<IdempotencyStore> open(std::string const& url, std::chrono::milliseconds timeout = 3s) {
  return open_idempotency_store(url, {.timeout = timeout}).value();
}

bool grants(IdempotencyStore& store, std::string_view key) {
  auto const claim = store.claim(order(key), "ann", 60s);
  return claim && claim->state == ClaimState::kClaimed;
}

class RedisStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!require_redis()) return;
  }
};

TEST_F(RedisStoreTest, ReportsAKilledServerAndGoesOnWhenItIsBack) {
  test::RedisServer server;
  auto const store = open(server.url());
  ASSERT_TRUE(grants(*store, "1"));
  server.kill();
  for (int attempt = 0; attempt < 3; ++attempt) {
    auto const refused = store->claim(order("2"), "ann", 60s);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().code == Errc::kNotConnected || refused.error().code == Errc::kConnectionLost);
    EXPECT_TRUE(refused.error().retryable);
    EXPECT_NE(refused.error().message.find(server.url()), std::string::npos) << refused.error().message;
  }
  EXPECT_FALSE(store->check());
  server.start();
  EXPECT_TRUE(grants(*store, "2"));  // the first call already
}

TEST_F(RedisStoreTest, NoticesARestartBeforeItUsesAConnectionThatLayIdle) {
  test::RedisServer server;
  auto const store = open(server.url());
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(grants(*store, "1")) << round;  // without persistence every restart forgets
    server.kill();
    server.start();
  }
}

TEST_F(RedisStoreTest, KeepsClaimsAndDoneMarksThroughACrashWhenTheServerWritesThemDown) {
  test::RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  auto const store = open(server.url());
  for (int key = 0; key < 100; ++key) ASSERT_TRUE(grants(*store, std::to_string(key)));
  for (int key = 0; key < 50; ++key) ASSERT_TRUE(store->complete(order(std::to_string(key)), "ann", 60s).value());
  server.kill();
  server.start();
  for (int key = 0; key < 100; ++key) {
    auto const expected = key < 50 ? ClaimState::kDone : ClaimState::kBusy;
    EXPECT_EQ(store->claim(order(std::to_string(key)), "bob", 60s).value().state, expected) << key;
  }
}

TEST_F(RedisStoreTest, GoesOnAfterTheServerWasFrozen) {
  test::RedisServer server;
  auto const store = open(server.url(), 200ms);
  ASSERT_TRUE(grants(*store, "1"));
  server.freeze();
  auto const refused = store->claim(order("2"), "ann", 60s);
  server.resume();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kTimeout);
  EXPECT_TRUE(refused.error().maybe_applied);
  // The server has read the command by now: its owner takes back what it does not know of.
  EXPECT_TRUE(test::eventually([&] { return store->release(order("2"), "ann").has_value() && grants(*store, "2"); }));
}

TEST_F(RedisStoreTest, NeverTakesALateAnswerForThatOfTheNextCall) {
  test::RedisServer server;
  auto const store = open(server.url(), 100ms);
  store->complete(order("done"), "bob", 60s).value();
  for (int round = 0; round < 5; ++round) {
    server.freeze();
    auto const late = store->claim(order(std::to_string(round)), "ann", 60s);  // its answer will be: claimed
    server.resume();
    ASSERT_FALSE(late);
    Result<Claim> next = store->claim(order("done"), "ann", 60s);
    ASSERT_TRUE(test::eventually([&] { return next || (next = store->claim(order("done"), "ann", 60s)); }));
    ASSERT_EQ(next->state, ClaimState::kDone);
  }
}

TEST_F(RedisStoreTest, SharesFewConnectionsAmongManyThreads) {
  test::RedisServer server({"--maxclients", "2"});
  auto const store = open_idempotency_store(server.url(), {.connections = 2}).value();
  std::atomic<int> granted{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 16; ++thread) {
    threads.emplace_back([&, thread] {
      for (int key = 0; key < 50; ++key) granted += grants(*store, std::to_string(thread * 50 + key)) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(granted, 16 * 50);
}

TEST_F(RedisStoreTest, LogsInAndChoosesTheDatabase) {
  test::RedisServer server({"--requirepass", "canary@/"});
  auto const first = open(server.url(":canary%40%2f@") + "/1");
  ASSERT_TRUE(grants(*first, "1"));
  EXPECT_FALSE(grants(*open(server.url("default:canary%40%2f@") + "/1"), "1"));
  EXPECT_TRUE(grants(*open(server.url(":canary%40%2f@") + "/2"), "1"));
}

TEST_F(RedisStoreTest, RefusesAWrongPasswordWithoutShowingIt) {
  test::RedisServer server({"--requirepass", "right"});
  for (std::string const login : {":canary@", "default:canary@", "canary:canary@", ""}) {
    auto const refused = open(server.url(login))->claim(order("1"), "ann", 60s);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kAuthentication);
    EXPECT_FALSE(refused.error().retryable);
    EXPECT_EQ(refused.error().message.find(":canary"), std::string::npos) << refused.error().message;
    EXPECT_NE(refused.error().message.find("password"), std::string::npos) << refused.error().message;
  }
}

TEST_F(RedisStoreTest, DoesNotRepeatWhatAServerWithoutPasswordsSaysOfThem) {
  test::RedisServer server({"--rename-command", "AUTH", "LOGIN"});  // answers: unknown command, with args ...
  auto const refused = open(server.url("user:canary@"))->check();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("canary"), std::string::npos) << refused.error().message;
}

TEST_F(RedisStoreTest, SaysWhichDatabaseThereIsNot) {
  test::RedisServer server;
  auto const refused = open(server.url() + "/9999")->check();
  ASSERT_FALSE(refused);
  EXPECT_FALSE(refused.error().retryable);
  EXPECT_NE(refused.error().message.find("DB index"), std::string::npos) << refused.error().message;
}

TEST_F(RedisStoreTest, RefusesAClaimThatTheServerHasNoRoomForAndCountsWhatItEvicts) {
  test::RedisServer full({"--maxmemory", "1", "--maxmemory-policy", "noeviction"});
  auto const refused = open(full.url())->claim(order("1"), "ann", 60s);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().retryable) << refused.error().message;
  EXPECT_NE(refused.error().message.find("maxmemory"), std::string::npos) << refused.error().message;

  test::RedisServer forgetful({"--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru"});
  auto const store = open(forgetful.url());
  std::string const padding(10'000, 'x');
  for (int key = 0; key < 500; ++key) (void)store->claim(order(padding + std::to_string(key)), "ann", 60s);
  EXPECT_GT(store->stats().evicted, 0U);
}

TEST_F(RedisStoreTest, AnswersInTimeWhenTheServerNeverDoes) {
  test::SilentServer server;
  auto const store = open(server.url(), 200ms);
  auto const start = steady_clock::now();
  auto const refused = store->claim(order("1"), "ann", 60s);
  EXPECT_LT(steady_clock::now() - start, test::kPatience / 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kTimeout);
  EXPECT_TRUE(refused.error().retryable);
}

TEST_F(RedisStoreTest, AnswersInTimeWhenTheNameIsNotFound) {
  auto const refused = open("redis://store.invalid", 5s)->check();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kNotConnected);
  EXPECT_TRUE(refused.error().retryable);
}

TEST_F(RedisStoreTest, RefusesAPeerThatIsNoRedis) {
  test::SilentServer server("HTTP/1.1 400 Bad Request\r\n\r\n");
  auto const refused = open(server.url())->check();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kProtocol) << refused.error().message;
}

TEST_F(RedisStoreTest, OutlivesAServerThatDiesWhileACommandIsSent) {
  // SIGPIPE has its default action here and is not blocked: one write too many would end the process.
  test::SilentServer server("", test::SilentServer::After::kReset);
  auto const store = open(server.url());
  std::string const long_key(8'000'000, 'x');
  for (int attempt = 0; attempt < 10; ++attempt) {
    auto const refused = store->claim(order(long_key), "ann", 60s);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kConnectionLost) << refused.error().message;
  }
}

TEST_F(RedisStoreTest, OutlivesAServerThatIsKilledUnderLoad) {
  test::RedisServer server;
  auto const store = open(server.url());
  std::atomic<bool> is_over{false};
  std::atomic<int> granted{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int key = 0; !is_over; ++key)
        granted += grants(*store, std::to_string(thread) + "/" + std::to_string(key)) ? 1 : 0;
    });
  }
  for (int round = 0; round < 5; ++round) {
    int const before = granted;
    ASSERT_TRUE(test::eventually([&] { return granted > before + 100; })) << round;
    server.kill();
    server.start();
  }
  is_over = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(RedisError, TellsWhatMayPassFromWhatWillNot) {
  EXPECT_TRUE(redis_error("LOADING Redis is loading the dataset in memory").retryable);
  EXPECT_TRUE(redis_error("READONLY You can't write against a read only replica.").retryable);
  EXPECT_TRUE(redis_error("OOM command not allowed when used memory > 'maxmemory'.").retryable);
  EXPECT_EQ(redis_error("NOPERM this user has no permissions").code, Errc::kAccessDenied);
  EXPECT_EQ(redis_error("NOAUTH Authentication required.").code, Errc::kAuthentication);
  EXPECT_EQ(redis_error("MOVED 3999 127.0.0.1:6381").code, Errc::kUnsupported);
  EXPECT_FALSE(redis_error("WRONGTYPE Operation against a key").retryable);
}

TEST(RedisWire, PutsAReplyTogetherFromAnySlices) {
  RedisReplyReader reader;
  std::string const bytes = "*3\r\n:42\r\n$3\r\na\r\n\r\n$-1\r\n";
  for (char const& byte : bytes) {
    auto const reply = reader.feed({&byte, 1}).value();
    ASSERT_EQ(reply.has_value(), &byte == &bytes.back());
    if (!reply) continue;
    ASSERT_EQ(reply->items.size(), 3U);
    EXPECT_EQ(reply->items[0].integer, 42);
    EXPECT_EQ(reply->items[1].text, "a\r\n");
    EXPECT_EQ(reply->items[2].kind, RedisReply::Kind::kNil);
  }
}

TEST(RedisWire, RefusesAReplyWithoutEnd) {
  RedisReplyReader reader;
  std::string const chunk(65'536, 'x');
  ASSERT_TRUE(reader.feed("$999999999\r\n"));
  bool is_refused = false;
  for (int count = 0; count < 100 && !is_refused; ++count) is_refused = !reader.feed(chunk);
  EXPECT_TRUE(is_refused);
}

}  // namespace
}  // namespace fairlead
