#include "rabbitmq/node.hpp"

#include "support/child_process.hpp"
#include "support/wait.hpp"

#include <cstdlib>
#include <random>
#include <stdexcept>

namespace fairlead::rabbitmq {

namespace {

std::string environment(char const* name) {
  auto const* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

void Node::SetUp() {
  url_ = environment("FAIRLEAD_AMQP_URL");
  auto const backend = environment("FAIRLEAD_AMQP_BACKEND");
  auto const directory = environment("FAIRLEAD_BROKER_DIR");
  if (url_.empty() || directory.empty() || (!backend.empty() && backend != "processes")) {
    bool const is_chosen = backend == "url" || backend == "containers";
    auto const* const reason = "needs a RabbitMQ that runs as a local process (FAIRLEAD_AMQP_URL, FAIRLEAD_BROKER_DIR)";
    if (environment("FAIRLEAD_REQUIRE_BROKERS") == "1" && !is_chosen) FAIL() << reason;
    GTEST_SKIP() << reason;
  }
  directory_ = directory + "/amqp";
  destination_ = "orders-" + std::to_string(std::random_device{}());
}

void Node::control(std::vector<std::string> const& arguments) const {
  std::vector<std::string> command{START_RABBITMQ, "ctl", directory_, "1"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  test::ChildProcess process(command);
  if (process.wait(test::kPatience) != 0) throw std::runtime_error("rabbitmqctl " + arguments.front() + " failed");
}

Config Node::config() const {
  Config config;
  config.broker = url_;
  config.destinations[destination_] = {};
  auto& billing = config.subscriptions["billing"];
  billing.destination = destination_;
  billing.group = "billing";
  billing.dead_letter = false;
  return config;
}

std::unique_ptr<Broker> Node::open(Config config) { return Broker::open(std::move(config), {.logger = log_}).value(); }

}  // namespace fairlead::rabbitmq
