#include "conformance/conformance.hpp"

#include "support/missing.hpp"

#include <atomic>
#include <map>
#include <random>

namespace fairlead::conformance {

std::vector<BrokerUnderTest> brokers_under_test() {
  return {{"memory", ""}, {"kafka", "FAIRLEAD_KAFKA_URL"}, {"amqp", "FAIRLEAD_AMQP_URL"}};
}

std::string name_of(testing::TestParamInfo<BrokerUnderTest> const& broker) { return broker.param.name; }

void Conformance::SetUp() {
  std::string const& variable = GetParam().url_variable;
  if (variable.empty()) {
    url_ = "memory://" + unique_name("conformance");
    return;
  }
  url_ = test::environment(variable.c_str());
  if (url_.empty()) test::miss({variable + " is not set"});
}

Config Conformance::config() const {
  Config config;
  config.broker = url_;
  config.service = "conformance";
  config.log.level = LogLevel::kWarn;
  config.destinations[destination_] = {};
  add_group(config, "billing");
  // How soon Kafka notices a member that died; other brokers know at once and do not read it.
  config.kafka.conf["session.timeout.ms"] = "6000";
  return config;
}

SubscriptionConfig& Conformance::add_group(Config& config, std::string const& name) const {
  SubscriptionConfig& subscription = config.subscriptions[name];
  subscription.destination = destination_;
  subscription.group = group_of(name);
  subscription.retry.initial = 10ms;
  subscription.retry.max = 50ms;
  return subscription;
}

void Conformance::read_dead_letters(Config& config) const {
  SubscriptionConfig& subscription = config.subscriptions["inspection"];
  subscription.destination = destination_ + "." + group_of("billing") + ".dlq";
  subscription.group = group_of("inspection");
}

std::unique_ptr<Broker> Conformance::open(Config const& config) {
  auto broker = Broker::open(config).value();
  if (!broker->capabilities().survives_process_exit && anchor_ == nullptr) anchor_ = Broker::open(config).value();
  return broker;
}

void Conformance::publish(Broker& broker, std::vector<Message> const& messages) const {
  auto publisher = broker.publisher(destination_).value();
  for (auto const& result : publisher.publish_batch(messages)) result.value();
}

void Conformance::publish(Broker& broker, std::string payload, std::string key) const {
  publish(broker, {Message{.payload = std::move(payload), .key = std::move(key)}});
}

std::string Conformance::unique_name(std::string_view prefix) {
  static std::string const run = [] {
    std::random_device device;
    return std::to_string((std::uint64_t{device()} << 32) | device());
  }();
  static std::atomic<int> count{0};
  return std::string(prefix) + "-" + run + "-" + std::to_string(++count);
}

std::vector<Message> numbered(std::string const& prefix, int count, std::string const& key) {
  std::vector<Message> messages;
  for (int index = 0; index < count; ++index) {
    messages.push_back({.payload = prefix + std::to_string(index), .key = key});
  }
  return messages;
}

std::vector<std::string> payloads_of(std::vector<Message> const& messages) {
  std::vector<std::string> payloads;
  for (Message const& message : messages) payloads.push_back(message.payload);
  return payloads;
}

std::set<std::string> distinct(std::vector<std::string> const& payloads) { return {payloads.begin(), payloads.end()}; }

void expect_key_order(std::vector<Seen> const& seen) {
  std::map<std::string, int> newest;
  for (Seen const& message : seen) {
    int const number = std::stoi(message.payload.substr(message.payload.find(':') + 1));
    auto const [entry, is_first] = newest.try_emplace(message.key, -1);
    if (number <= entry->second) continue;  // handled before: a retry or a redelivery
    EXPECT_EQ(number, entry->second + 1) << "of " << message.key;
    entry->second = number;
  }
}

}  // namespace fairlead::conformance
