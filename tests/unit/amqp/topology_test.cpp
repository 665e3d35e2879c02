#include "amqp/topology.hpp"

#include "amqp/codec.hpp"
#include "amqp/frame_writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace fairlead::amqp {
namespace {

DestinationPlan plan(int partitions = 1) {
  DestinationPlan result;
  result.name = "orders";
  result.config.partitions = partitions;
  GroupPlan group;
  group.name = "billing";
  result.groups.push_back(group);
  return result;
}

DestinationPlan retry_plan(std::chrono::milliseconds delay, int partitions = 1) {
  auto result = plan(partitions);
  result.kind = DestinationPlan::Kind::kRetry;
  result.name = delay.count() > 0 ? "orders.billing.retry.10s" : "orders.billing.retry";
  result.destination = "orders";
  result.delay = delay;
  return result;
}

std::vector<std::string> what(Script const& script) {
  std::vector<std::string> all;
  for (auto const& request : script) all.push_back(request.what);
  return all;
}

bool mentions(Script const& script, std::string_view bytes) {
  return std::any_of(script.begin(), script.end(),
                     [&](Request const& request) { return request.payload.find(bytes) != std::string::npos; });
}

/// A declaration that only asks whether it is there.
bool is_passive(Request const& request) {
  if (!request.what.starts_with("declare")) return false;
  Pool pool;
  void* fields = nullptr;
  auto const method = load_big_endian<std::uint32_t>(request.payload.data());
  EXPECT_EQ(amqp_decode_method(method, pool.get(), to_bytes(std::string_view(request.payload).substr(4)), &fields),
            AMQP_STATUS_OK);
  return method == AMQP_EXCHANGE_DECLARE_METHOD ? static_cast<amqp_exchange_declare_t*>(fields)->passive != 0
                                                : static_cast<amqp_queue_declare_t*>(fields)->passive != 0;
}

TEST(Topology, ThePartitionIsTheLastWordOfTheRoutingKey) {
  EXPECT_EQ(with_partition("eu.created", 3, 1), "eu.created");
  EXPECT_EQ(with_partition("eu.created", 3, 6), "eu.created.3");
  EXPECT_EQ(with_partition("", 3, 6), "3");
}

TEST(Topology, AGroupHasOneQueueOrOnePerPartition) {
  EXPECT_EQ(queue_name(plan(), "billing", 0), "orders.billing");
  EXPECT_EQ(queue_name(plan(6), "billing", 5), "orders.billing.5");
}

TEST(Topology, ADestinationIsItsExchangeItsQueuesAndTheirDeadLetters) {
  EXPECT_EQ(what(declare_destination(plan(2))),
            (std::vector<std::string>{"declare exchange 'orders'", "declare queue 'orders.billing.0'",
                                      "bind queue 'orders.billing.0'", "declare queue 'orders.billing.1'",
                                      "bind queue 'orders.billing.1'", "declare queue 'orders.billing.dlq'"}));
}

TEST(Topology, AnExistingDestinationIsOnlyAskedFor) {
  auto existing = plan(2);
  existing.config.declare = false;
  auto const script = declare_destination(existing);
  EXPECT_EQ(what(script),
            (std::vector<std::string>{"declare exchange 'orders'", "declare queue 'orders.billing.0'",
                                      "declare queue 'orders.billing.1'", "declare queue 'orders.billing.dlq'"}));
  for (auto const& request : script) EXPECT_TRUE(is_passive(request)) << request.what;
  for (auto const& request : declare_destination(plan(2))) EXPECT_FALSE(is_passive(request)) << request.what;
}

TEST(Topology, ADeadLetterIsOneQueueWithoutAnExchange) {
  DestinationPlan dead;
  dead.name = "orders.billing.dlq";
  dead.kind = DestinationPlan::Kind::kDeadLetter;
  EXPECT_EQ(exchange_name(dead), "");
  EXPECT_EQ(queue_name(dead, "anyone", 0), "orders.billing.dlq");
  EXPECT_EQ(what(declare_destination(dead)), std::vector<std::string>{"declare queue 'orders.billing.dlq'"});
}

TEST(Topology, ATierIsAQueueBehindAnExchangeOfItsOwn) {
  auto const tier = retry_plan(std::chrono::seconds(10));
  EXPECT_EQ(exchange_name(tier), "orders.billing.retry.10s");
  auto const script = declare_destination(tier);
  EXPECT_EQ(what(script), (std::vector<std::string>{"declare exchange 'orders.billing.retry.10s'",
                                                    "declare queue 'orders.billing.retry.10s'",
                                                    "bind queue 'orders.billing.retry.10s'"}));
  EXPECT_TRUE(mentions(script, "fanout"));
  EXPECT_TRUE(mentions(script, std::string_view("x-message-ttll\0\0\0\0\0\0\x27\x10", 22)));
  // To the default exchange, which takes the routing key of the publish for the name of the queue.
  EXPECT_TRUE(mentions(script, std::string_view("x-dead-letter-exchangeS\0\0\0\0", 27)));
  EXPECT_FALSE(mentions(script, "x-dead-letter-routing-key"));
}

TEST(Topology, ATierLosesNothingOnTheWayBack) {
  auto tier = retry_plan(std::chrono::seconds(10));
  tier.config.amqp.queue_type = QueueType::kClassic;
  auto const script = declare_destination(tier);
  EXPECT_TRUE(mentions(script, "quorum"));
  EXPECT_TRUE(mentions(script, "at-least-once"));
  EXPECT_TRUE(mentions(script, "reject-publish"));
}

TEST(Topology, AnExistingTierIsOnlyAskedFor) {
  auto tier = retry_plan(std::chrono::seconds(10));
  tier.config.declare = false;
  auto const script = declare_destination(tier);
  EXPECT_EQ(script.size(), 2U);
  for (auto const& request : script) EXPECT_TRUE(is_passive(request)) << request.what;
}

TEST(Topology, ARetryWithoutATierNeedsNothingOfItsOwn) {
  EXPECT_TRUE(declare_destination(retry_plan({})).empty());
  EXPECT_EQ(exchange_name(retry_plan({})), "");
}

TEST(Topology, ARetryGoesBackToTheQueuesOfItsGroup) {
  EXPECT_EQ(queue_name(retry_plan({}), "billing", 0), "orders.billing");
  EXPECT_EQ(queue_name(retry_plan(std::chrono::seconds(10), 6), "billing", 5), "orders.billing.5");
}

TEST(Topology, QuorumQueuesDropNothingForBeingDeliveredOften) {
  constexpr std::string_view kNoLimit("x-delivery-limitl\0\0\0\0\x7f\xff\xff\xff", 25);
  auto often = plan();
  EXPECT_TRUE(mentions({declare_destination(often).at(1)}, kNoLimit));
  EXPECT_TRUE(mentions({declare_destination(often).back()}, kNoLimit));  // the dead letters
  often.config.amqp.queue_arguments = {{"x-delivery-limit", "7"}};
  EXPECT_FALSE(mentions({declare_destination(often).at(1)}, kNoLimit));
  often.config.amqp.queue_arguments.clear();
  often.config.amqp.queue_type = QueueType::kClassic;
  EXPECT_FALSE(mentions(declare_destination(often), "x-delivery-limit"));
}

TEST(Topology, OnlyAnOrderedGroupHasASingleActiveConsumer) {
  auto ordered = plan();
  ordered.groups[0].dead_letter = false;
  EXPECT_TRUE(mentions(declare_destination(ordered), "x-single-active-consumer"));
  ordered.groups[0].ordering = Ordering::kNone;
  EXPECT_FALSE(mentions(declare_destination(ordered), "x-single-active-consumer"));
}

TEST(Topology, QueueTypeAndArgumentsReachTheQueue) {
  auto classic = plan();
  EXPECT_TRUE(mentions(declare_destination(classic), "quorum"));
  EXPECT_FALSE(mentions(declare_destination(classic), "x-max-priority"));
  classic.config.amqp.queue_type = QueueType::kClassic;
  classic.config.amqp.queue_arguments = {{"x-max-length", "10"}, {"x-flag", "true"}, {"x-text", "some"}};
  auto const script = declare_destination(classic);
  EXPECT_TRUE(mentions(script, "classic"));
  EXPECT_TRUE(mentions(script, "x-max-priority"));
  EXPECT_TRUE(mentions(script, std::string_view("x-max-lengthl\0\0\0\0\0\0\0\x0a", 21)));
  EXPECT_TRUE(mentions(script, std::string_view("x-flagt\x01", 8)));
  EXPECT_TRUE(mentions(script, std::string_view("x-textS\0\0\0\x04some", 15)));
}

TEST(Topology, BindingsCarryThePartition) {
  auto bound = plan(2);
  bound.groups[0].bindings = {"eu.*", "us.#"};
  auto const script = declare_destination(bound);
  EXPECT_TRUE(mentions(script, "eu.*.0"));
  EXPECT_TRUE(mentions(script, "us.#.1"));
  EXPECT_TRUE(mentions(declare_destination(plan(2)), "#.1"));
}

TEST(Topology, PartitionsNeedAnExchangeThatRoutesByKey) {
  auto fanout = plan(2);
  fanout.config.amqp.type = ExchangeType::kFanout;
  auto const refused = check_plan(fanout);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kInvalidConfig);
  EXPECT_NE(refused.error().message.find("destinations.orders.amqp.type"), std::string::npos);
  fanout.config.partitions = 1;
  EXPECT_TRUE(check_plan(fanout));
}

}  // namespace
}  // namespace fairlead::amqp
