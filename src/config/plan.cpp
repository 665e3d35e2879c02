#include "config/plan.hpp"

#include "config/values.hpp"
#include "core/text.hpp"

#include <algorithm>

namespace fairlead {
namespace {

void add_group(DestinationPlan& plan, std::string const& name, SubscriptionConfig const* subscription) {
  if (name.empty()) return;
  auto found = std::find_if(plan.groups.begin(), plan.groups.end(), [&](GroupPlan const& g) { return g.name == name; });
  if (found == plan.groups.end()) {
    plan.groups.push_back({name, Ordering::kKey, {}, true, {}});
    found = plan.groups.end() - 1;
    auto const bindings = plan.config.amqp.bindings.find(name);
    if (bindings != plan.config.amqp.bindings.end()) found->bindings = bindings->second;
  }
  if (subscription != nullptr) {
    found->ordering = subscription->ordering;
    found->dead_letter = subscription->dead_letter;
    found->tiers = subscription->retry.tiers;
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

/// A place beside the destination, with its care.
DestinationPlan plan_beside(DestinationPlan const& destination, DestinationPlan::Kind kind, std::string name) {
  DestinationPlan plan;
  plan.name = std::move(name);
  plan.kind = kind;
  plan.config.declare = destination.config.declare;
  plan.config.kafka.replication_factor = destination.config.kafka.replication_factor;
  // A stream cannot give single messages back.
  plan.config.amqp.queue_type = destination.config.amqp.queue_type == QueueType::kStream
                                    ? QueueType::kQuorum
                                    : destination.config.amqp.queue_type;
  return plan;
}

DestinationPlan plan_dead_letters(DestinationPlan const& destination, std::string_view group) {
  return plan_beside(destination, DestinationPlan::Kind::kDeadLetter, dead_letter_name(destination.name, group));
}

DestinationPlan plan_retry(DestinationPlan const& destination, GroupPlan const& group,
                           std::chrono::milliseconds delay) {
  auto plan = plan_beside(destination, DestinationPlan::Kind::kRetry, retry_name(destination.name, group.name, delay));
  // As many partitions as the destination, so that a key stays with the member that handles it.
  plan.config.partitions = destination.config.partitions;
  plan.config.kafka.topic = destination.config.kafka.topic;
  plan.groups = {group};
  plan.destination = destination.name;
  plan.delay = delay;
  return plan;
}

}  // namespace

std::string dead_letter_name(std::string_view destination, std::string_view group) {
  return std::string(destination) + "." + std::string(group) + ".dlq";
}

std::string retry_name(std::string_view destination, std::string_view group, std::chrono::milliseconds delay) {
  auto name = std::string(destination) + "." + std::string(group) + ".retry";
  if (delay.count() > 0) name += "." + format_value(delay);
  return name;
}

std::vector<DestinationPlan> plan_retries(DestinationPlan const& destination, GroupPlan const& group) {
  std::vector<DestinationPlan> plans;
  for (auto const delay : group.tiers) plans.push_back(plan_retry(destination, group, delay));
  return plans;
}

Result<DestinationPlan> plan_destination(Config const& config, std::string_view name) {
  std::vector<std::string> names;
  for (auto const& [configured, destination] : config.destinations) {
    auto plan = plan_configured(config, configured, destination);
    if (configured == name) return plan;
    names.push_back(configured);
    for (auto const& group : plan.groups) {
      auto beside = plan_retries(plan, group);
      beside.push_back(plan_retry(plan, group, {}));
      beside.push_back(plan_dead_letters(plan, group.name));
      for (auto& each : beside) {
        if (each.name == name) return std::move(each);
        names.push_back(each.name);
      }
    }
  }
  return Error{Errc::kUnknownDestination,
               "destination '" + std::string(name) + "' is not in the configuration" + did_you_mean(name, names)};
}

}  // namespace fairlead
