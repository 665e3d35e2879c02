#include "environment.hpp"

#include <fairlead/config.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

std::string read(std::string const& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string complaint(std::string const& text) {
  auto const config = parse_config(text, "f.yaml");
  return config ? "none" : config.error().message;
}

TEST(Config, ReportsAllProblemsAtOnceEachWithItsLine) {
  std::string const data = FAIRLEAD_TEST_DATA;
  auto const config = parse_config(read(data + "/problems.yaml"), "problems.yaml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Errc::kInvalidConfig);
  EXPECT_EQ(config.error().message + "\n", read(data + "/problems.txt"));
}

TEST(Config, ReadsEveryKey) {
  auto const config = load_config(std::string(FAIRLEAD_TEST_DATA) + "/everything.yaml").value();
  EXPECT_EQ(config.broker, "amqp://me:secret@h1,h2/shop?heartbeat=5");
  EXPECT_EQ(config.service, "orders");
  auto const& destination = config.destinations.at("orders");
  EXPECT_EQ(destination.partitions, 6);
  EXPECT_EQ(destination.groups, (std::vector<std::string>{"billing", "shipping"}));
  EXPECT_FALSE(destination.declare);
  EXPECT_FALSE(destination.message_ids);
  EXPECT_FALSE(destination.trace);
  EXPECT_EQ(destination.kafka.topic, "shop.orders");
  EXPECT_EQ(destination.kafka.replication_factor, 3);
  EXPECT_EQ(destination.kafka.config, (NativeOptions{{"retention.ms", "86400000"}}));
  EXPECT_EQ(destination.amqp.exchange, "shop");
  EXPECT_EQ(destination.amqp.type, ExchangeType::kDirect);
  EXPECT_EQ(destination.amqp.queue_type, QueueType::kClassic);
  EXPECT_EQ(destination.amqp.bindings.at("billing"), (std::vector<std::string>{"created", "paid"}));
  EXPECT_EQ(destination.amqp.queue_arguments, (NativeOptions{{"x-max-length", "1000"}, {"x-max-priority", "9"}}));
  auto const& subscription = config.subscriptions.at("billing");
  EXPECT_EQ(subscription.destination, "orders");
  EXPECT_EQ(subscription.group, "billing");
  EXPECT_EQ(subscription.ordering, Ordering::kPartition);
  EXPECT_EQ(subscription.concurrency, 8);
  EXPECT_EQ(subscription.max_in_flight, 256);
  EXPECT_EQ(subscription.max_in_flight_bytes, std::size_t{1} << 20U);
  EXPECT_EQ(subscription.timeout, 30s);
  EXPECT_EQ(subscription.start, StartFrom::kLatest);
  EXPECT_EQ(subscription.retry.max_attempts, 7);
  EXPECT_EQ(subscription.retry.initial, 100ms);
  EXPECT_EQ(subscription.retry.max, 5s);
  EXPECT_EQ(subscription.retry.multiplier, 1.5);
  EXPECT_EQ(subscription.retry.tiers, (std::vector<std::chrono::milliseconds>{10s, 1min, 10min}));
  EXPECT_EQ(subscription.rate_limit.per_second, 500);
  EXPECT_EQ(subscription.rate_burst, 20);
  EXPECT_EQ(subscription.circuit_breaker.budget, 50);
  EXPECT_EQ(subscription.circuit_breaker.cooldown, 2s);
  EXPECT_EQ(subscription.circuit_breaker.max_cooldown, 1min);
  EXPECT_EQ(subscription.idempotency.store, "sqlite:dedupe.db");
  EXPECT_EQ(subscription.idempotency.keep, 14 * 24h);
  EXPECT_EQ(subscription.idempotency.lease, 2min);
  EXPECT_EQ(subscription.idempotency.on_outage, OnOutage::kPass);
  EXPECT_EQ(subscription.settle.messages, 32);
  EXPECT_EQ(subscription.settle.interval, 10ms);
  EXPECT_EQ(subscription.batch.messages, 200);
  EXPECT_EQ(subscription.batch.wait, 20ms);
  EXPECT_FALSE(subscription.dead_letter);
  EXPECT_EQ(config.publish.deadline, 20s);
  EXPECT_EQ(config.publish.window_messages, 500);
  EXPECT_EQ(config.publish.window_bytes, 1'000'000U);
  EXPECT_EQ(config.publish.max_message_bytes, 2'000'000U);
  EXPECT_EQ(config.publish.unconfirmed, OnUnconfirmed::kReport);
  EXPECT_EQ(config.connection.connect_timeout, 3s);
  EXPECT_EQ(config.connection.backoff_initial, 500ms);
  EXPECT_EQ(config.connection.backoff_max, 10s);
  EXPECT_EQ(config.connection.close_timeout, 4s);
  EXPECT_EQ(config.connection.password_file, "/run/secrets/broker");
  EXPECT_EQ(config.log.level, LogLevel::kWarn);
  EXPECT_EQ(config.log.format, LogFormat::kJson);
  EXPECT_EQ(config.log.file, "orders.log");
  EXPECT_EQ(config.log.loggers.at("handle"), LogLevel::kDebug);
  EXPECT_EQ(config.kafka.compression, Compression::kZstd);
  EXPECT_EQ(config.kafka.conf, (NativeOptions{{"linger.ms", "5"}}));
  EXPECT_EQ(config.amqp.heartbeat, 20s);
  EXPECT_EQ(config.memory.max_bytes, std::size_t{64} << 20U);
}

TEST(Config, HasDefaultsThatAreValid) {
  EXPECT_TRUE(validate(Config{}));
  EXPECT_EQ(parse_config("").value().broker, Config{}.broker);
  EXPECT_EQ(parse_config("destinations:\nsubscriptions:\nlog:\n").value().destinations.size(), 0U);
}

TEST(Config, ReadsJson) {
  auto const config = parse_config(
                          "{\n\t\"service\": \"a\\/\\u0062\",\n\t\"destinations\": {\"orders\": {\"partitions\": 6, "
                          "\"declare\": false, \"groups\": [\"billing\"]}}\n}\n")
                          .value();
  EXPECT_EQ(config.service, "a/b");
  EXPECT_EQ(config.destinations.at("orders").partitions, 6);
  EXPECT_FALSE(config.destinations.at("orders").declare);
}

TEST(Config, NamesTheFileThatCannotBeRead) {
  auto const config = load_config("/no/such/file.yaml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, "cannot read /no/such/file.yaml: No such file or directory");
  EXPECT_FALSE(load_config(std::filesystem::temp_directory_path().string())) << "a folder";
}

TEST(Config, KeepsAnchorsWithinBounds) {
  auto const config = parse_config("destinations:\n  a: &six {partitions: 6}\n  b: *six\n").value();
  EXPECT_EQ(config.destinations.at("b").partitions, 6);
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    std::string const name = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + name;
    for (int k = 1; k < 10; ++k) bomb += ", " + name;
    bomb += "]\n";
  }
  EXPECT_EQ(complaint(bomb), "f.yaml: nested too deeply, or too many values");
  std::string copies = "a: &a " + std::string(100'000, 'x') + "\nb: [*a";
  for (int i = 0; i < 1'000; ++i) copies += ", *a";
  EXPECT_EQ(complaint(copies + "]"), "f.yaml: nested too deeply, or too many values");
  EXPECT_EQ(complaint("a: &a\n  b: *a\n"), "f.yaml: nested too deeply, or too many values");
}

TEST(Config, RefusesWhatIsTooDeepOrTooLarge) {
  EXPECT_EQ(complaint("a: " + std::string(200'000, '[')), "f.yaml: nested too deeply");
  EXPECT_EQ(complaint("a: " + std::string(40, '[') + std::string(40, ']')),
            "f.yaml: nested too deeply, or too many values");
  EXPECT_EQ(complaint("# " + std::string(std::size_t{1} << 20U, 'x')), "f.yaml: larger than 1 MiB");
}

TEST(Config, RefusesMoreThanOneDocument) {
  EXPECT_NE(complaint("service: a\n---\nservice: b\n").find("a second document begins here"), std::string::npos);
  EXPECT_EQ(complaint("---\nservice: a\n"), "none");
}

TEST(Config, NamesTheLineOfASyntaxErrorAndNoneOfItsText) {
  EXPECT_EQ(complaint("service: a\nbroker: *canary\n"), "f.yaml:2: the referenced anchor is not defined");
  EXPECT_EQ(complaint("broker: \"amqp://u:canary\\q@h\"\n"), "f.yaml:1: unknown escape character");
  EXPECT_EQ(complaint("service: a\nbroker: amqp://u:canary@h: x\n"), "f.yaml:2: illegal map value");
}

// A secret may be in the URL, in a property, in a variable, or in a place where it does not belong.
TEST(Config, NeverShowsASecret) {
  Environment const environment{{"TEST_SECRET", "canary"}, {"FAIRLEAD_AMQP__HEARTBEAT", "canary"}};
  auto const text = complaint(
      "broker: amqp://me:${TEST_SECRET}/1@host:x\n"
      "service: ${TEST_SECRET} ${TEST_SECRET}\n"
      "destinations: {orders: {partitions: '${TEST_SECRET}', declare: '${TEST_SECRET}', amqp: {type: "
      "'${TEST_SECRET}'}}}\n"
      "publish: {deadline: '${TEST_SECRET}', window_bytes: 'x${TEST_SECRET}', window_messages: '${TEST_SECRET}'}\n"
      "subscriptions: {a: {destination: orders, retry: {multiplier: '${TEST_SECRET}'}}}\n"
      "kafka: {conf: {sasl.password: canary, acks: canary}}\n");
  EXPECT_EQ(text.find("canary"), std::string::npos) << text;
  for (auto const* path :
       {"broker", "service", "destinations.orders.partitions", "destinations.orders.declare",
        "destinations.orders.amqp.type", "publish.deadline", "publish.window_bytes", "publish.window_messages",
        "subscriptions.a.retry.multiplier", "kafka.conf.acks", "FAIRLEAD_AMQP__HEARTBEAT: amqp.heartbeat"}) {
    EXPECT_NE(text.find(std::string(path) + ": "), std::string::npos) << path << " in\n" << text;
  }
}

}  // namespace
}  // namespace fairlead
