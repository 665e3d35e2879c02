#include "environment.hpp"

#include <fairlead/config.hpp>

#include <gtest/gtest.h>

#include <string>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

std::string complaint(std::string const& text) {
  auto const config = parse_config(text, "f.yaml");
  return config ? "none" : config.error().message;
}

TEST(Expansion, PutsVariablesAndDefaultsInPlace) {
  Environment const environment{{"TEST_HOST", "h1"}, {"TEST_EMPTY", ""}};
  EXPECT_EQ(parse_config("broker: amqp://${TEST_HOST}:${TEST_PORT:-5672}/v").value().broker, "amqp://h1:5672/v");
  EXPECT_EQ(parse_config("broker: ${TEST_URL:-memory://demo}").value().broker, "memory://demo");
  EXPECT_EQ(parse_config("broker: ${TEST_EMPTY:-memory://demo}").value().broker, "memory://demo");
  EXPECT_EQ(parse_config("log: {file: '${TEST_EMPTY}'}").value().log.file, "");
  EXPECT_EQ(parse_config("log: {file: '$5 $x {y} $'}").value().log.file, "$5 $x {y} $");
}

TEST(Expansion, WorksInListsAndInAnyValue) {
  Environment const environment{{"TEST_GROUP", "billing"}, {"TEST_PARTITIONS", "6"}};
  auto const config =
      parse_config("destinations: {orders: {partitions: '${TEST_PARTITIONS}', groups: ['${TEST_GROUP}']}}").value();
  EXPECT_EQ(config.destinations.at("orders").partitions, 6);
  EXPECT_EQ(config.destinations.at("orders").groups, std::vector<std::string>{"billing"});
}

TEST(Expansion, IsNotRepeatedInWhatItPutsInPlace) {
  Environment const environment{{"TEST_FILE", "${TEST_OTHER}"}};
  EXPECT_EQ(parse_config("log: {file: '${TEST_FILE}'}").value().log.file, "${TEST_OTHER}");
}

TEST(Expansion, NamesAVariableThatIsMissingOnceAndNothingElse) {
  EXPECT_EQ(complaint("service: a\ndestinations:\n  orders:\n    partitions: ${TEST_MISSING}\n"),
            "f.yaml:4: destinations.orders.partitions: the environment variable TEST_MISSING is not set; "
            "${TEST_MISSING:-default} would give it a default");
  EXPECT_EQ(complaint("destinations: {orders: {groups: ['${TEST_MISSING}']}}"),
            "f.yaml:1: destinations.orders.groups: the environment variable TEST_MISSING is not set; "
            "${TEST_MISSING:-default} would give it a default");
  EXPECT_EQ(complaint("broker: ${TEST_MISSING"), "f.yaml:1: broker: '${' without '}'");
}

TEST(Override, ReplacesWhatTheFileSays) {
  Environment const environment{{"FAIRLEAD_BROKER", "memory://other"},
                                {"FAIRLEAD_PUBLISH__DEADLINE", "5s"},
                                {"FAIRLEAD_DESTINATIONS__ORDERS__PARTITIONS", "6"},
                                {"FAIRLEAD_SUBSCRIPTIONS__BILLING__RETRY__MAX_ATTEMPTS", "9"}};
  auto const config = parse_config(
                          "broker: ${TEST_MISSING}\n"
                          "destinations: {Orders: {partitions: 2}}\n"
                          "subscriptions: {billing: {destination: Orders, group: billing}}\n")
                          .value();
  EXPECT_EQ(config.broker, "memory://other");
  EXPECT_EQ(config.publish.deadline, 5s);
  EXPECT_EQ(config.destinations.at("Orders").partitions, 6) << "names match whatever their case";
  EXPECT_EQ(config.subscriptions.at("billing").retry.max_attempts, 9);
}

TEST(Override, MatchesNamesWithDotsAndDashes) {
  Environment const environment(
      {{"FAIRLEAD_KAFKA__CONF__LINGER_MS", "7"}, {"FAIRLEAD_DESTINATIONS__ORDER_EVENTS__PARTITIONS", "3"}});
  auto const config = parse_config("kafka: {conf: {linger.ms: 5}}\ndestinations: {order-events: {}}").value();
  EXPECT_EQ(config.kafka.conf.at("linger.ms"), "7");
  EXPECT_EQ(config.destinations.at("order-events").partitions, 3);
}

TEST(Override, IsTakenAsItIs) {
  Environment const environment{{"FAIRLEAD_LOG__FILE", "${TEST_MISSING} #1"}};
  EXPECT_EQ(parse_config("").value().log.file, "${TEST_MISSING} #1");
}

TEST(Override, IsNamedInWhatIsWrongWithIt) {
  Environment const environment{{"FAIRLEAD_PUBLISH__DEADLINE", "soon"}, {"FAIRLEAD_PUBLISH__DEADLIN", "5s"}};
  auto const text = complaint("service: a");
  EXPECT_NE(text.find("FAIRLEAD_PUBLISH__DEADLINE: publish.deadline: its value is not a time with its unit"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("FAIRLEAD_PUBLISH__DEADLIN: publish.deadlin: unknown key (did you mean 'deadline'?)"),
            std::string::npos)
      << text;
}

TEST(Override, LeavesOtherVariablesOfThatPrefixAlone) {
  Environment const environment{{"FAIRLEAD_KAFKA_URL", "kafka://h"}, {"FAIRLEAD", "x"}, {"FAIRLEAD_", "x"}};
  EXPECT_EQ(complaint("service: a"), "none");
}

}  // namespace
}  // namespace fairlead
