#include "rabbitmq/node.hpp"

#include "support/local_broker.hpp"
#include "support/rabbitmqctl.hpp"

#include <random>
#include <utility>

namespace fairlead::rabbitmq {

void Node::SetUp() {
  auto const local = test::local_broker("amqp");
  if (local.directory.empty()) return test::miss(local.missing);
  url_ = test::environment("FAIRLEAD_AMQP_URL");
  if (url_.empty()) return test::miss({"FAIRLEAD_AMQP_URL is not set"});
  directory_ = local.directory;
  destination_ = "orders-" + std::to_string(std::random_device{}());
}

void Node::control(std::vector<std::string> const& arguments) const { test::rabbitmqctl(directory_, arguments); }

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
