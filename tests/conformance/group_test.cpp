#include "conformance/conformance.hpp"

#include <algorithm>

// Who gets which messages, and from where a group begins.
namespace fairlead::conformance {
namespace {

using Groups = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Groups, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Groups, MembersOfOneGroupShareTheMessages) {
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 4;
  auto broker = open(configuration);
  auto first = broker->subscribe("billing", recorder.handler()).value();
  auto second = broker->subscribe("billing", recorder.handler()).value();
  std::vector<Message> messages;
  for (int index = 0; index < 400; ++index) {
    messages.push_back({.payload = std::to_string(index), .key = "key-" + std::to_string(index % 40)});
  }

  publish(*broker, messages);

  ASSERT_TRUE(eventually([&] { return recorder.distinct_payloads().size() == 400; }));
  ASSERT_TRUE(broker->drain(kPatience));
  EXPECT_EQ(first.stats().handled + second.stats().handled, recorder.finished());
  EXPECT_EQ(recorder.begun(), 400U) << "messages were handled by both members";
}

TEST_P(Groups, MembersInTwoBrokerObjectsShareTheMessages) {
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 4;
  auto first = open(configuration);
  auto second = open(configuration);
  auto first_member = first->subscribe("billing", recorder.handler()).value();
  auto second_member = second->subscribe("billing", recorder.handler()).value();

  publish(*first, numbered("m", 200));

  ASSERT_TRUE(eventually([&] { return recorder.distinct_payloads().size() == 200; }));
  ASSERT_TRUE(first->drain(kPatience));
  ASSERT_TRUE(second->drain(kPatience));
  EXPECT_EQ(recorder.begun(), 200U);
}

TEST_P(Groups, EveryGroupGetsEveryMessage) {
  Recorder billing_seen;
  Recorder shipping_seen;
  auto configuration = config();
  add_group(configuration, "shipping");
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_seen.handler()).value();
  auto shipping = broker->subscribe("shipping", shipping_seen.handler()).value();
  auto const messages = numbered("m", 50);

  publish(*broker, messages);

  ASSERT_TRUE(eventually([&] { return billing_seen.finished() == 50 && shipping_seen.finished() == 50; }));
  EXPECT_EQ(billing_seen.payloads(), payloads_of(messages));
  EXPECT_EQ(shipping_seen.payloads(), payloads_of(messages));
}

TEST_P(Groups, SubscriptionWithoutAGroupGetsNewMessagesOnly) {
  Recorder first_seen;
  Recorder second_seen;
  auto configuration = config();
  add_group(configuration, "watch").group = "";
  auto broker = open(configuration);
  publish(*broker, numbered("old", 10));

  auto first = broker->subscribe("watch", first_seen.handler()).value();
  auto second = broker->subscribe("watch", second_seen.handler()).value();
  auto const messages = numbered("new", 10);
  publish(*broker, messages);

  ASSERT_TRUE(eventually([&] { return first_seen.finished() >= 10 && second_seen.finished() >= 10; }))
      << first_seen.finished() << " and " << second_seen.finished();
  EXPECT_EQ(first_seen.payloads(), payloads_of(messages));
  EXPECT_EQ(second_seen.payloads(), payloads_of(messages));
}

TEST_P(Groups, GroupsDeclaredBeforeTheyRunKeepTheirMessages) {
  Recorder billing_seen;
  Recorder audit_seen;
  auto configuration = config();
  orders_of(configuration).groups = {group_of("audit")};
  auto const messages = numbered("m", 20);
  {
    auto producer = open(configuration);
    publish(*producer, messages);
  }
  add_group(configuration, "audit");
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_seen.handler()).value();
  auto audit = broker->subscribe("audit", audit_seen.handler()).value();

  ASSERT_TRUE(eventually([&] { return billing_seen.finished() == 20 && audit_seen.finished() == 20; }));
  EXPECT_EQ(billing_seen.payloads(), payloads_of(messages));
  EXPECT_EQ(audit_seen.payloads(), payloads_of(messages));
}

TEST_P(Groups, NewGroupFromEarliestSeesWhatOthersHaveRead) {
  Recorder billing_seen;
  Recorder late_seen;
  auto configuration = config();
  auto broker = open(configuration);
  if (auto const& can = broker->capabilities().replay; !can) GTEST_SKIP() << can.reason;
  auto const messages = numbered("m", 20);
  auto billing = broker->subscribe("billing", billing_seen.handler()).value();
  publish(*broker, messages);
  ASSERT_TRUE(eventually([&] { return billing_seen.finished() == 20; }));

  add_group(configuration, "late").start = StartFrom::kEarliest;
  auto later = open(configuration);
  auto late = later->subscribe("late", late_seen.handler()).value();

  ASSERT_TRUE(eventually([&] { return late_seen.finished() == 20; }));
  EXPECT_EQ(late_seen.payloads(), payloads_of(messages));
}

TEST_P(Groups, NewGroupFromLatestSkipsWhatIsOld) {
  Recorder recorder;
  auto configuration = config();
  {
    auto producer = open(configuration);
    publish(*producer, numbered("old", 10));
  }
  add_group(configuration, "late").start = StartFrom::kLatest;
  auto broker = open(configuration);
  auto late = broker->subscribe("late", recorder.handler()).value();
  auto const messages = numbered("new", 10);
  publish(*broker, messages);

  ASSERT_TRUE(eventually([&] { return recorder.finished() >= 10; })) << recorder.finished();
  EXPECT_EQ(recorder.payloads(), payloads_of(messages));
}

TEST_P(Groups, FromLatestSkipsWhatIsOldAlsoWhileTheGroupRunsForAnotherDestination) {
  Recorder orders_seen;
  Recorder payments_seen;
  auto configuration = config();
  auto const payments = unique_name("payments");
  configuration.destinations[payments] = orders_of(configuration);
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", orders_seen.handler()).value();
  publish(*broker, "order");
  ASSERT_TRUE(eventually([&] { return orders_seen.finished() == 1; }));
  auto publisher = broker->publisher(payments).value();
  for (auto const& message : numbered("old", 10)) (void)publisher.publish(message.payload, {.key = message.key});

  configuration.subscriptions["payments"] = billing_of(configuration);
  configuration.subscriptions["payments"].destination = payments;
  configuration.subscriptions["payments"].start = StartFrom::kLatest;
  auto later = open(configuration);
  auto subscription = later->subscribe("payments", payments_seen.handler()).value();
  auto const messages = numbered("new", 10);
  for (auto const& result : publisher.publish_batch(messages)) ASSERT_TRUE(result);

  ASSERT_TRUE(eventually([&] { return payments_seen.finished() >= 10; })) << payments_seen.finished();
  EXPECT_EQ(payments_seen.payloads(), payloads_of(messages));
}

TEST_P(Groups, WhatNoGroupWaitedForIsKeptWhereTheBrokerKeepsIt) {
  Recorder recorder;
  auto configuration = config();
  configuration.subscriptions.clear();
  auto const messages = numbered("m", 10);
  auto producer = open(configuration);
  if (auto const& can = producer->capabilities().kept_without_group; !can) GTEST_SKIP() << can.reason;
  publish(*producer, messages);

  add_group(configuration, "late");
  auto broker = open(configuration);
  auto late = broker->subscribe("late", recorder.handler()).value();

  ASSERT_TRUE(eventually([&] { return recorder.finished() == 10; }));
  EXPECT_EQ(recorder.payloads(), payloads_of(messages));
}

TEST_P(Groups, RoutingPatternsChooseWhatAGroupSees) {
  Recorder europe;
  Recorder all;
  auto configuration = config();
  add_group(configuration, "europe");
  orders_of(configuration).amqp.bindings[group_of("europe")] = {"eu.#"};
  auto const can = open(config())->capabilities().routing_patterns;
  if (!can) {
    auto const refused = Broker::open(configuration);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kInvalidConfig) << refused.error().message;
    GTEST_SKIP() << can.reason;
  }
  auto broker = open(configuration);
  auto europe_subscription = broker->subscribe("europe", europe.handler()).value();
  auto all_subscription = broker->subscribe("billing", all.handler()).value();
  auto publisher = broker->publisher(destination_).value();

  ASSERT_TRUE(publisher.publish("berlin", {.routing_key = "eu.web"}));
  ASSERT_TRUE(publisher.publish("boston", {.routing_key = "us.web"}));
  ASSERT_TRUE(publisher.publish("paris", {.routing_key = "eu.app.ios"}));

  ASSERT_TRUE(eventually([&] { return europe.finished() == 2 && all.finished() == 3; }));
  EXPECT_EQ(europe.payloads(), (std::vector<std::string>{"berlin", "paris"}));
}

}  // namespace
}  // namespace fairlead::conformance
