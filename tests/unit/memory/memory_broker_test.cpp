#include <fairlead/fairlead.hpp>

#include "core/thread.hpp"
#include "support/recorder.hpp"
#include "support/wait.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Recorder;

Config orders_config(std::string const& name) {
  Config config;
  config.broker = "memory://" + name;
  config.log.level = LogLevel::kError;
  config.destinations["orders"].partitions = 4;
  config.subscriptions["billing"].destination = "orders";
  config.subscriptions["billing"].group = "billing";
  config.subscriptions["billing"].concurrency = 4;
  return config;
}

TEST(MemoryBroker, TellsWhereAMessageIs) {
  auto broker = Broker::open(orders_config("where")).value();
  auto publisher = broker->publisher("orders").value();
  auto const first = publisher.publish("one", {.key = "k"}).value();
  auto const second = publisher.publish("two", {.key = "k"}).value();
  EXPECT_EQ(second.partition, first.partition);
  EXPECT_EQ(second.position, first.position + 1);
}

TEST(MemoryBroker, MissingDestinationIsAnErrorWhenItMayNotBeDeclared) {
  auto config = orders_config("missing");
  config.destinations["orders"].declare = false;
  auto broker = Broker::open(config).value();
  EXPECT_EQ(broker->publisher("orders").error().code, Errc::kUnknownDestination);
  EXPECT_EQ(broker->subscribe("billing", Recorder().handler()).error().code, Errc::kUnknownDestination);
}

TEST(MemoryBroker, FullStoreIsNotPersisted) {
  auto config = orders_config("full");
  config.memory.max_bytes = 20'000;
  auto broker = Broker::open(config).value();
  auto publisher = broker->publisher("orders").value();
  Result<Receipt> result = Receipt{};
  for (int i = 0; i < 100 && result; ++i) result = publisher.publish(std::string(1000, 'x'));
  EXPECT_EQ(publish_status(result), PublishStatus::kNotPersisted);
  EXPECT_EQ(result.error().code, Errc::kRefused);
}

TEST(MemoryBroker, OnlyOpensItsOwnUrls) {
  auto config = orders_config("x");
  config.broker = "kafka://localhost:9092";
  EXPECT_EQ(MemoryBroker::open(config).error().code, Errc::kInvalidConfig);
}

TEST(MemoryBroker, RefusesAPriorityWithTheReason) {
  auto broker = Broker::open(orders_config("priority")).value();
  auto const refused = broker->publisher("orders").value().publish("x", {.priority = std::uint8_t{1}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnsupported);
}

TEST(MemoryBroker, LosesNothingAndKeepsKeyOrderWhileMembersComeAndGo) {
  constexpr int kKeys = 20;
  constexpr int kEach = 250;
  auto const config = orders_config("rebalance");
  auto publishing = Broker::open(config).value();
  std::mutex mutex;
  std::map<std::string, std::vector<int>> seen;
  auto const handler = [&](Delivery const& delivery) {
    int const number = std::stoi(std::string(delivery.payload()));
    std::lock_guard const lock(mutex);
    seen[std::string(delivery.key())].push_back(number);
    test::something_changed();
    return ack();
  };
  auto const count_distinct = [&] {
    std::lock_guard const lock(mutex);
    std::size_t count = 0;
    for (auto& [key, numbers] : seen) count += std::set<int>(numbers.begin(), numbers.end()).size();
    return count;
  };
  auto steady = publishing->subscribe("billing", handler).value();
  std::atomic<bool> is_published = false;
  Thread publisher("publisher", [&] {
    auto orders = publishing->publisher("orders").value();
    for (int i = 0; i < kEach; ++i) {
      for (int key = 0; key < kKeys; ++key) {
        orders.publish(std::to_string(i), {.key = "key" + std::to_string(key)}).value();
      }
    }
    is_published = true;
  });
  do {
    auto visiting = Broker::open(config).value();
    auto const visitor = visiting->subscribe("billing", handler).value();
    auto const before = count_distinct();
    ASSERT_TRUE(eventually([&] { return count_distinct() > before + 50 || is_published; }));
    EXPECT_TRUE(visiting->close(20s));
  } while (!is_published);
  publisher.join();
  ASSERT_TRUE(eventually([&] { return count_distinct() == std::size_t{kKeys} * kEach; }));
  EXPECT_TRUE(publishing->close(20s));
  for (auto const& [key, numbers] : seen) {
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end())) << key;
    EXPECT_EQ(std::adjacent_find(numbers.begin(), numbers.end()), numbers.end()) << key << " was handled twice";
  }
}

}  // namespace
}  // namespace fairlead
