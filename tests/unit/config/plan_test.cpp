#include "config/plan.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fairlead {
namespace {

Config shop() {
  return parse_config(R"(
broker: amqp://h
destinations:
  orders:
    partitions: 6
    groups: [billing, shipping]
    kafka: {replication_factor: 3}
    amqp: {queue_type: classic, bindings: {shipping: [paid.#]}}
  events: {declare: false}
subscriptions:
  billing: {destination: orders, group: billing, ordering: none, dead_letter: false}
  fraud: {destination: orders, group: fraud, ordering: partition}
  watch: {destination: orders}
)")
      .value();
}

TEST(Plan, HasTheGroupsOfTheDestinationAndOfItsSubscriptions) {
  auto const plan = plan_destination(shop(), "orders").value();
  EXPECT_EQ(plan.name, "orders");
  EXPECT_EQ(plan.kind, DestinationPlan::Kind::kDestination);
  EXPECT_EQ(plan.config.partitions, 6);
  ASSERT_EQ(plan.groups.size(), 3U) << "a subscription without a group declares none";
  EXPECT_EQ(plan.groups[0].name, "billing");
  EXPECT_EQ(plan.groups[0].ordering, Ordering::kNone);
  EXPECT_FALSE(plan.groups[0].dead_letter);
  EXPECT_EQ(plan.groups[1].name, "shipping");
  EXPECT_EQ(plan.groups[1].ordering, Ordering::kKey);
  EXPECT_EQ(plan.groups[1].bindings, std::vector<std::string>{"paid.#"});
  EXPECT_EQ(plan.groups[2].name, "fraud");
  EXPECT_EQ(plan.groups[2].ordering, Ordering::kPartition);
  EXPECT_TRUE(plan.groups[2].bindings.empty());
}

TEST(Plan, OfADeadLetterHasOnePartitionAndTheDestinationsCare) {
  auto const plan = plan_destination(shop(), "orders.fraud.dlq").value();
  EXPECT_EQ(plan.name, dead_letter_name("orders", "fraud"));
  EXPECT_EQ(plan.kind, DestinationPlan::Kind::kDeadLetter);
  EXPECT_EQ(plan.config.partitions, 1);
  EXPECT_EQ(plan.config.kafka.replication_factor, 3);
  EXPECT_EQ(plan.config.amqp.queue_type, QueueType::kClassic);
  EXPECT_TRUE(plan.config.declare);
  EXPECT_TRUE(plan.groups.empty());
}

TEST(Plan, OfARetryKeepsThePartitionsAndKnowsItsGroup) {
  auto const config = parse_config(R"(
destinations: {orders: {partitions: 6, kafka: {replication_factor: 3, topic: the-orders}}}
subscriptions:
  billing: {destination: orders, group: billing, ordering: none, retry: {tiers: [10s, 1m, 90s, 2h]}}
)")
                          .value();
  auto const plan = plan_destination(config, "orders").value();
  std::vector<std::string> names;
  for (auto const& retry : plan_retries(plan, plan.groups.at(0))) names.push_back(retry.name);
  EXPECT_EQ(names, (std::vector<std::string>{"orders.billing.retry.10s", "orders.billing.retry.1m",
                                             "orders.billing.retry.90s", "orders.billing.retry.2h"}));

  auto const tier = plan_destination(config, "orders.billing.retry.1m").value();
  EXPECT_EQ(tier.kind, DestinationPlan::Kind::kRetry);
  EXPECT_EQ(tier.delay, std::chrono::minutes(1));
  EXPECT_EQ(tier.destination, "orders");
  EXPECT_EQ(tier.config.partitions, 6);
  EXPECT_EQ(tier.config.kafka.replication_factor, 3);
  ASSERT_EQ(tier.groups.size(), 1U);
  EXPECT_EQ(tier.groups[0].name, "billing");
  EXPECT_EQ(tier.groups[0].ordering, Ordering::kNone);

  auto const at_once = plan_destination(config, "orders.billing.retry").value();
  EXPECT_EQ(at_once.kind, DestinationPlan::Kind::kRetry);
  EXPECT_EQ(at_once.delay.count(), 0);
}

TEST(Plan, NamesTheNearestWhenThereIsNone) {
  auto const complaint = [](std::string_view name) {
    auto const plan = plan_destination(shop(), name);
    return plan ? "none" : plan.error().message;
  };
  EXPECT_EQ(plan_destination(shop(), "order").error().code, Errc::kUnknownDestination);
  EXPECT_EQ(complaint("order"), "destination 'order' is not in the configuration (did you mean 'orders'?)");
  EXPECT_EQ(complaint("orders.biling.dlq"),
            "destination 'orders.biling.dlq' is not in the configuration (did you mean 'orders.billing.dlq'?)");
  EXPECT_EQ(complaint("something else"), "destination 'something else' is not in the configuration");
}

}  // namespace
}  // namespace fairlead
