#include "config/plan.hpp"
#include "kafka/kafka_admin.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;

Config config_with_topic(std::string topic) {
  Config config;
  config.destinations["orders"].kafka.topic = std::move(topic);
  auto& billing = config.subscriptions["billing"];
  billing.destination = "orders";
  billing.group = "billing";
  billing.retry.tiers = {10s};
  return config;
}

std::string topic(Config const& config, std::string_view name) {
  return topic_of(plan_destination(config, name).value());
}

TEST(TopicOf, TierHasItsOwnTopicWhateverTheDestinationsIsCalled) {
  for (auto const* named : {"", "sales-orders"}) {
    auto const config = config_with_topic(named);
    EXPECT_EQ(topic(config, "orders.billing.retry.10s"), "orders.billing.retry.10s");
    EXPECT_EQ(topic(config, "orders.billing.dlq"), "orders.billing.dlq");
  }
}

TEST(TopicOf, RetryWithoutATierIsTheDestinationsTopic) {
  EXPECT_EQ(topic(config_with_topic(""), "orders.billing.retry"), "orders");
  EXPECT_EQ(topic(config_with_topic("sales-orders"), "orders.billing.retry"), "sales-orders");
  EXPECT_EQ(topic(config_with_topic("sales-orders"), "orders"), "sales-orders");
}

}  // namespace
}  // namespace fairlead::kafka
