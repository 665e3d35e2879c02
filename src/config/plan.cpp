#include "config/plan.hpp"

#include "core/text.hpp"

#include <algorithm>

namespace fairlead {
namespace {

void add_group(DestinationPlan& plan, std::string const& name, SubscriptionConfig const* subscription) {
  if (name.empty()) return;
  auto found = std::find_if(plan.groups.begin(), plan.groups.end(), [&](GroupPlan const& g) { return g.name == name; });
  if (found == plan.groups.end()) {
    plan.groups.push_back({name, Ordering::kKey, {}, true});
    found = plan.groups.end() - 1;
    auto const bindings = plan.config.amqp.bindings.find(name);
    if (bindings != plan.config.amqp.bindings.end()) found->bindings = bindings->second;
  }
  if (subscription != nullptr) {
    found->ordering = subscription->ordering;
    found->dead_letter = subscription->dead_letter;
  }
}

DestinationPlan plan_configured(Config const& config, std::string const& name, DestinationConfig const& destination) {
  DestinationPlan plan;
  plan.name = name;
  plan.config = destination;
  for (auto const& group : destination.groups) add_group(plan, group, nullptr);
  for (auto const& [unused, subscription] : config.subscriptions) {
    if (subscription.destination == name) add_group(plan, subscription.group, &subscription);
  }
  return plan;
}

}  // namespace

std::string dead_letter_name(std::string_view destination, std::string_view group) {
  return std::string(destination) + "." + std::string(group) + ".dlq";
}

Result<DestinationPlan> plan_destination(Config const& config, std::string_view name) {
  std::vector<std::string> names;
  for (auto const& [configured, destination] : config.destinations) {
    auto plan = plan_configured(config, configured, destination);
    if (configured == name) return plan;
    names.push_back(configured);
    for (auto const& group : plan.groups) {
      names.push_back(dead_letter_name(configured, group.name));
      if (names.back() != name) continue;
      DestinationPlan dead_letters;
      dead_letters.name = name;
      dead_letters.kind = DestinationPlan::Kind::kDeadLetter;
      dead_letters.config.declare = destination.declare;
      dead_letters.config.kafka.replication_factor = destination.kafka.replication_factor;
      // One queue holds them all; on AMQP its arguments must be the same for whoever declares it first.
      dead_letters.config.amqp.queue_type =
          destination.amqp.queue_type == QueueType::kStream ? QueueType::kQuorum : destination.amqp.queue_type;
      return dead_letters;
    }
  }
  return Error{Errc::kUnknownDestination,
               "destination '" + std::string(name) + "' is not in the configuration" + did_you_mean(name, names)};
}

}  // namespace fairlead
