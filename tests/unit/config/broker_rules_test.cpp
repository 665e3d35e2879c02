#include "config/kafka_properties.hpp"

#include <fairlead/config.hpp>

#include <gtest/gtest.h>

#include <string>

// What is refused because of the broker that a configuration names; what is wrong on every broker is in problems.yaml.
namespace fairlead {
namespace {

std::string complaint(std::string const& broker, std::string const& text) {
  auto const config = parse_config("broker: " + broker + "\n" + text, "f");
  return config ? "none" : config.error().message;
}

bool is_said(std::string const& complaint, std::string const& part) {
  return complaint.find(part) != std::string::npos;
}

TEST(BrokerRules, KeepOneConfigurationGoodOnEveryBroker) {
  for (auto const* broker : {"memory://demo", "kafka://h", "amqp://h"}) {
    EXPECT_EQ(complaint(broker,
                        "destinations: {orders: {partitions: 6, groups: [billing], kafka: {replication_factor: 3}, "
                        "amqp: {type: topic, queue_type: classic, queue_arguments: {x-max-priority: 9}}}}\n"
                        "kafka: {conf: {linger.ms: 5}}\namqp: {heartbeat: 20s}\nmemory: {max_bytes: 1MiB}\n"),
              "none");
  }
}

TEST(BrokerRules, BindingsNeedAmqp) {
  std::string const text = "destinations: {orders: {groups: [billing], amqp: {bindings: {billing: [paid.#]}}}}";
  EXPECT_EQ(complaint("amqp://h", text), "none");
  for (auto const* broker : {"memory://demo", "kafka://h"}) {
    EXPECT_TRUE(is_said(complaint(broker, text), "destinations.orders.amqp.bindings.billing: only amqp://")) << broker;
  }
}

TEST(BrokerRules, BindingsNeedAGroupThatIsThere) {
  EXPECT_EQ(complaint("amqp://h", "destinations: {orders: {groups: [billing], amqp: {bindings: {biling: [a]}}}}"),
            "f:2: destinations.orders.amqp.bindings.biling: there is no such group (did you mean 'billing'?)");
}

TEST(BrokerRules, BindingsFitTheExchange) {
  auto const with = [](std::string const& type, std::string const& pattern) {
    return complaint("amqp://h", "destinations: {orders: {groups: [g], amqp: {type: " + type + ", bindings: {g: ['" +
                                     pattern + "']}}}}");
  };
  EXPECT_EQ(with("topic", "paid.#"), "none");
  EXPECT_EQ(with("direct", "paid"), "none");
  EXPECT_TRUE(is_said(with("direct", "paid.*"), "a direct exchange knows no '*' and '#'"));
  EXPECT_TRUE(is_said(with("fanout", "paid"), "patterns need a topic or direct exchange"));
  EXPECT_TRUE(is_said(with("headers", "paid"), "patterns need a topic or direct exchange"));
}

TEST(BrokerRules, PartitionsNeedAnExchangeThatRoutesByKey) {
  for (auto const* broker : {"memory://demo", "kafka://h", "amqp://h"}) {
    auto const with = [&](std::string const& type, int partitions) {
      return complaint(broker, "destinations: {orders: {partitions: " + std::to_string(partitions) +
                                   ", groups: [g], amqp: {type: " + type + "}}}");
    };
    EXPECT_EQ(with("direct", 6), "none");
    EXPECT_EQ(with("fanout", 1), "none");
    EXPECT_TRUE(is_said(with("fanout", 6), "destinations.orders.amqp.type: partitions are routed")) << broker;
    EXPECT_TRUE(is_said(with("headers", 2), "destinations.orders.amqp.type: partitions are routed")) << broker;
  }
}

TEST(BrokerRules, QueuesThatTwoGroupsWouldShareAreRefused) {
  std::string const same_queue = "destinations: {a.b: {groups: [c]}, a: {groups: [b.c]}}";
  EXPECT_TRUE(is_said(complaint("amqp://h", same_queue),
                      "destinations.a.b: the queue 'a.b.c' would also be one of destinations.a"));
  EXPECT_EQ(complaint("kafka://h", same_queue), "none");
  EXPECT_TRUE(is_said(complaint("amqp://h", "destinations: {a: {partitions: 2, groups: [b]}, a.b: {groups: ['1']}}"),
                      "the queue 'a.b.1' would also be one of destinations.a"));
}

TEST(BrokerRules, ADestinationIsNoDeadLetterOfAnother) {
  for (auto const* broker : {"memory://demo", "kafka://h", "amqp://h"}) {
    EXPECT_TRUE(
        is_said(complaint(broker, "destinations: {a: {groups: [b]}, a.b.dlq: {}}"),
                "destinations.a.b.dlq: is the name of the dead letters or retries of another destination's group"));
  }
}

TEST(BrokerRules, NamesFitTheBrokerTogether) {
  std::string const destination(120, 'd');
  std::string const group(130, 'g');
  std::string const text = "destinations: {" + destination + ": {groups: [" + group + "]}}";
  EXPECT_TRUE(is_said(complaint("kafka://h", text), ".dlq' is longer than 249 characters"));
  EXPECT_EQ(complaint("amqp://h", text), "none") << "255 characters with .dlq";
  EXPECT_TRUE(is_said(complaint("amqp://h", "destinations: {" + destination + "x: {groups: [" + group + "]}}"),
                      "is longer than 255 characters"));
}

TEST(BrokerRules, PropertiesThatTheContractDependsOnAreRefusedInTheUrlToo) {
  auto const text = complaint("kafka://h?acks=1&linger.ms=5", "kafka: {conf: {enable.idempotence: false}}");
  EXPECT_TRUE(is_said(text, "f:1: broker: the query key 'acks' cannot be set: always `all`")) << text;
  EXPECT_TRUE(is_said(text, "f:2: kafka.conf.enable.idempotence: cannot be set: always on")) << text;
  EXPECT_FALSE(is_said(text, "linger.ms"));
}

TEST(KafkaProperties, AreRefusedUnderTheirOtherNamesToo) {
  for (auto const* name : {"acks", "topic.acks", "request.required.acks", "enable.auto.commit", "auto.commit.enable",
                           "enable.auto.offset.store", "partitioner", "topic.partitioner", "group.id"}) {
    EXPECT_NE(refused_kafka_property(name, "1"), "") << name;
  }
  EXPECT_NE(refused_kafka_property("partition.assignment.strategy", "cooperative-sticky"), "");
  EXPECT_EQ(refused_kafka_property("partition.assignment.strategy", "range"), "");
  EXPECT_NE(refused_kafka_property("debug", "broker,conf"), "");
  EXPECT_EQ(refused_kafka_property("debug", "broker"), "");
  EXPECT_EQ(refused_kafka_property("linger.ms", "5"), "");
}

}  // namespace
}  // namespace fairlead
