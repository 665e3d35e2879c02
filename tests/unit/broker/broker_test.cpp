#include "core/thread.hpp"
#include "fake_broker.hpp"
#include "support/notebook.hpp"
#include "support/wait.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::FakeBroker;
using test::Gate;
using test::Notebook;
using Strings = std::vector<std::string>;

Config orders_config() {
  Config config;
  config.destinations["orders"].groups = {"billing"};
  config.subscriptions["billing"].destination = "orders";
  config.subscriptions["billing"].group = "billing";
  return config;
}

std::unique_ptr<FakeBroker> open(Config config = orders_config()) {
  return std::make_unique<FakeBroker>(std::move(config), std::make_shared<Notebook>());
}

Handler acks() {
  return [](Delivery const&) { return ack(); };
}

TEST(BrokerPublisher, DeclaresItsDestinationBeforeItsFirstUseAndKeepsItsSink) {
  auto broker = open();
  broker->publisher("orders").value().publish("one").value();
  broker->publisher("orders").value().publish("two").value();
  EXPECT_EQ(broker->journal->entries(), (Strings{"declare orders", "open sink orders"}));
  EXPECT_EQ(broker->sinks.at("orders")->sent().size(), 2U);
}

TEST(BrokerPublisher, DeclaresNothingThatMayNotBeDeclared) {
  auto config = orders_config();
  config.destinations["orders"].declare = false;
  auto broker = open(config);
  (void)broker->publisher("orders").value();
  (void)broker->subscribe("billing", acks()).value();
  auto const entries = broker->journal->entries();
  EXPECT_TRUE(std::none_of(entries.begin(), entries.end(), [](auto const& e) { return e.starts_with("declare"); }));
}

TEST(BrokerPublisher, UnknownDestinationNamesTheNearest) {
  auto broker = open();
  auto const refused = broker->publisher("order");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnknownDestination);
  EXPECT_NE(refused.error().message.find("'orders'"), std::string::npos);
}

TEST(BrokerPublisher, FailureIsNotRemembered) {
  auto broker = open();
  bool is_down = true;
  broker->interfere = [&](std::string const&) -> Result<void> {
    if (is_down) return Error{Errc::kNotConnected, "down", true};
    return {};
  };
  EXPECT_EQ(broker->publisher("orders").error().code, Errc::kNotConnected);
  is_down = false;
  EXPECT_TRUE(broker->publisher("orders"));
}

TEST(BrokerPublisher, WaitsForAnotherSetUpNoLongerThanTheConnectTimeout) {
  auto config = orders_config();
  config.connection.connect_timeout = 50ms;
  auto broker = open(config);
  Gate declaring;
  Gate proceed;
  broker->interfere = [=](std::string const&) -> Result<void> {
    declaring.open();
    proceed.wait();
    return {};
  };
  Thread slow("slow", [&] { EXPECT_TRUE(broker->publisher("orders")); });
  ASSERT_TRUE(declaring.wait());
  auto const refused = broker->declare("orders");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kTimeout);
  EXPECT_NE(refused.error().message.find("connection.connect_timeout"), std::string::npos);
  proceed.open();
}

TEST(BrokerDeclare, CoversTheDeadLettersOfTheGroups) {
  auto broker = open();
  EXPECT_TRUE(broker->declare("orders"));
  EXPECT_EQ(broker->journal->entries(), (Strings{"declare orders", "declare orders.billing.dlq"}));
}

TEST(BrokerSubscribe, DeclaresOpensItsDeadLettersAndThenItsSource) {
  auto broker = open();
  auto const subscription = broker->subscribe("billing", acks()).value();
  EXPECT_EQ(broker->journal->entries(), (Strings{"declare orders", "declare orders.billing.dlq",
                                                 "open sink orders.billing.dlq", "open source billing"}));
  EXPECT_EQ(broker->source->spec.destination.name, "orders");
  EXPECT_EQ(broker->source->spec.group.name, "billing");
}

TEST(BrokerSubscribe, NeedsNoDeadLettersWhereNoneAreKept) {
  auto config = orders_config();
  config.subscriptions["billing"].dead_letter = false;
  config.subscriptions["watch"].destination = "orders";  // a group of its own
  auto broker = open(config);
  auto const first = broker->subscribe("billing", acks()).value();
  auto const second = broker->subscribe("watch", acks()).value();
  EXPECT_TRUE(broker->sinks.empty());
}

TEST(BrokerSubscribe, MembersOfAGroupShareTheSinkOfItsDeadLetters) {
  auto broker = open();
  auto const first = broker->subscribe("billing", acks()).value();
  auto const second = broker->subscribe("billing", acks()).value();
  auto const entries = broker->journal->entries();
  EXPECT_EQ(std::count(entries.begin(), entries.end(), "open sink orders.billing.dlq"), 1);
  EXPECT_EQ(std::count(entries.begin(), entries.end(), "open source billing"), 2);
}

TEST(BrokerSubscribe, UnknownNameNamesTheNearest) {
  auto broker = open();
  auto const refused = broker->subscribe("biling", acks());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnknownDestination);
  EXPECT_NE(refused.error().message.find("'billing'"), std::string::npos);
  EXPECT_EQ(broker->subscribe("billing", Handler()).error().code, Errc::kInvalidArgument);
}

TEST(BrokerSubscribe, RoutingPatternsAreRefusedWhereTheBrokerHasNone) {
  auto config = orders_config();
  config.destinations["orders"].amqp.bindings["billing"] = {"eu.#"};
  auto abilities = FakeBroker::abilities();
  abilities.routing_patterns = {Support::kImpossible, "it routes nothing"};
  FakeBroker broker(config, std::make_shared<Notebook>(), abilities);
  auto const refused = broker.subscribe("billing", acks());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnsupported);
  EXPECT_NE(refused.error().message.find("it routes nothing"), std::string::npos);
  EXPECT_TRUE(broker.journal->entries().empty());
}

TEST(BrokerSubscribe, SourceThatDoesNotOpenIsReported) {
  auto broker = open();
  broker->interfere = [](std::string const& step) -> Result<void> {
    if (step.starts_with("open source")) return Error{Errc::kAccessDenied, "no"};
    return {};
  };
  EXPECT_EQ(broker->subscribe("billing", acks()).error().code, Errc::kAccessDenied);
  EXPECT_TRUE(broker->close(20s));
}

TEST(BrokerFlush, WaitsForPublishesUntilItsTimeout) {
  auto broker = open();
  broker->confirms = false;
  auto publisher = broker->publisher("orders").value();
  publisher.publish_async("one", {}, {});
  auto const late = broker->flush(20ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::kTimeout);
  auto& sink = *broker->sinks.at("orders");
  sink.confirm(sink.sent().at(0).pending);
  EXPECT_TRUE(broker->flush(20s));
}

TEST(BrokerDrain, StopsIntakeAndLeavesPublishingPossible) {
  auto broker = open();
  auto const subscription = broker->subscribe("billing", acks()).value();
  broker->source->deliver("one");
  EXPECT_TRUE(broker->journal->wait_for("settle 1"));
  EXPECT_TRUE(broker->drain(20s));
  EXPECT_TRUE(broker->journal->wait_for("stop intake"));
  EXPECT_TRUE(broker->publisher("orders").value().publish("still"));
}

TEST(BrokerDrain, TellsThatPublishesAreOutstanding) {
  auto broker = open();
  broker->confirms = false;
  broker->publisher("orders").value().publish_async("one", {}, {});
  auto const drained = broker->drain(20ms);
  ASSERT_FALSE(drained);
  EXPECT_EQ(drained.error().code, Errc::kTimeout);
  auto& sink = *broker->sinks.at("orders");
  sink.confirm(sink.sent().at(0).pending);
}

TEST(BrokerHealth, IsThatOfItsBackendUntilItIsClosed) {
  auto const broker = open();
  EXPECT_EQ(broker->health().state, ConnectionState::kConnected);
  EXPECT_TRUE(broker->health().is_healthy());
  ASSERT_TRUE(broker->close(1s));
  EXPECT_EQ(broker->health().state, ConnectionState::kClosed);
  EXPECT_FALSE(broker->health().is_healthy());
}

TEST(BrokerCapabilities, AreThoseOfItsBackend) { EXPECT_EQ(open()->capabilities().system, "fake"); }

}  // namespace
}  // namespace fairlead
