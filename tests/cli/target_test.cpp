#include "cli/command.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace fairlead::cli {
namespace {

using std::chrono::milliseconds;

class ConfigFile : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "fairlead-cli-" + std::to_string(getpid()) + ".yaml";
    std::ofstream(path_) << "broker: memory://x\n"
                            "log: {level: debug, loggers: {handle: trace}}\n"
                            "destinations: {orders: {partitions: 3, groups: [billing]}}\n";
  }
  void TearDown() override { std::remove(path_.c_str()); }

  std::string path_;
};

Target from_url(std::string destination, std::vector<std::string> groups = {}, int partitions = 0) {
  Target target;
  target.url = "memory://x";
  target.destination = std::move(destination);
  target.groups = std::move(groups);
  target.partitions = partitions;
  return target;
}

TEST(Target, AUrlMakesAConfigurationWithTheDestinationInIt) {
  auto const config = make_config(from_url("orders", {"a", "b", "a"}, 6)).value();
  EXPECT_EQ(config.broker, "memory://x");
  ASSERT_TRUE(config.destinations.contains("orders"));
  EXPECT_EQ(config.destinations.at("orders").partitions, 6);
  EXPECT_EQ(config.destinations.at("orders").groups, (std::vector<std::string>{"a", "b"}));
}

TEST(Target, ADeadLetterBringsInItsDestinationAndGroup) {
  auto const config = make_config(from_url("shop.orders.billing.dlq", {"support"})).value();
  ASSERT_EQ(config.destinations.size(), 1U);
  EXPECT_EQ(config.destinations.at("shop.orders").groups, std::vector<std::string>{"billing"});
}

TEST_F(ConfigFile, FlagsAddToWhatIsConfigured) {
  auto target = from_url("orders", {"shipping"}, 5);
  target.config_file = path_;
  auto const config = make_config(target).value();
  EXPECT_EQ(config.destinations.at("orders").partitions, 5);
  EXPECT_EQ(config.destinations.at("orders").groups, (std::vector<std::string>{"billing", "shipping"}));
}

TEST_F(ConfigFile, AMistypedDestinationIsNotMadeUp) {
  auto target = from_url("ordrs", {"shipping"}, 5);
  target.config_file = path_;
  EXPECT_FALSE(make_config(target).value().destinations.contains("ordrs"));
}

TEST_F(ConfigFile, StandardErrorStaysQuietUnlessAsked) {
  auto target = from_url("orders");
  target.config_file = path_;
  EXPECT_EQ(make_config(target).value().log.level, LogLevel::kError);
  EXPECT_TRUE(make_config(target).value().log.loggers.empty());
  target.verbose = true;
  EXPECT_EQ(make_config(target).value().log.level, LogLevel::kDebug);
}

TEST(Target, ErrorsTellWhoseFaultItIs) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(report({Errc::kInvalidConfig, "x"}), kUsage);
  EXPECT_EQ(report({Errc::kUnknownDestination, "x"}), kUsage);
  EXPECT_EQ(report({Errc::kNotConnected, "amqp://me:canary@host is not there"}), kFailed);
  auto const printed = testing::internal::GetCapturedStderr();
  EXPECT_NE(printed.find("amqp://me:***@host"), std::string::npos) << printed;
}

TEST(ParseTime, TakesAUnit) {
  EXPECT_EQ(parse_time("200ms"), milliseconds(200));
  EXPECT_EQ(parse_time("5s"), milliseconds(5'000));
  EXPECT_EQ(parse_time("2m"), milliseconds(120'000));
  EXPECT_EQ(parse_time("1h"), milliseconds(3'600'000));
  EXPECT_EQ(parse_time("7d"), milliseconds(604'800'000));
  for (auto const* const wrong : {"", "5", "s", "-1s", "5 s", "5sec", "1.5s", "99999999999999999h"}) {
    EXPECT_EQ(parse_time(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace fairlead::cli
