#include "config/broker_rules.hpp"

#include "config/broker_url.hpp"
#include "config/kafka_properties.hpp"
#include "config/plan.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace fairlead {
namespace {

using Scheme = BrokerUrl::Scheme;

class BrokerRules {
 public:
  BrokerRules(Config const& config, std::vector<Problem>& problems) : config_(config), problems_(problems) {}

  void run() {
    auto const url = parse_broker_url(config_.broker);
    if (url) {
      is_amqp_ = url->scheme == Scheme::kAmqp || url->scheme == Scheme::kAmqps;
      can_bind_ = is_amqp_;
    } else {
      complain("broker", url.error().message);
      can_bind_ = true;  // nobody knows
    }
    for (auto const& [name, destination] : config_.destinations) {
      check_exchange("destinations." + name + ".amqp", destination);
      check_names(name, destination);
    }
    for (auto const& [property, value] : config_.kafka.conf) check_property("kafka.conf." + property, property, value);
    bool const is_kafka = url && (url->scheme == Scheme::kKafka || url->scheme == Scheme::kKafkas);
    if (!is_kafka) return;
    for (auto const& [property, value] : url->query) {
      check_property("broker", property, value, "the query key '" + property + "' ");
    }
  }

 private:
  void complain(std::string path, std::string text) { problems_.push_back({"", std::move(path), std::move(text)}); }

  void check_property(std::string const& path, std::string_view property, std::string_view value,
                      std::string const& what = "") {
    auto const refused = refused_kafka_property(property, value);
    if (!refused.empty()) complain(path, what + refused);
  }

  // Checked for every broker, so that a configuration stays good when only `broker` changes.
  void check_exchange(std::string const& path, DestinationConfig const& destination) {
    auto const& amqp = destination.amqp;
    bool const routes_by_key = amqp.type == ExchangeType::kTopic || amqp.type == ExchangeType::kDirect;
    if (destination.partitions > 1 && !routes_by_key) {
      complain(path + ".type",
               "partitions are routed by the last word of the routing key, which fanout and headers exchanges do not "
               "look at; use topic or direct, or partitions: 1");
    }
    if (amqp.queue_type == QueueType::kStream) {
      complain(path + ".queue_type", "stream is not available in this version");
    }
    for (auto const& [group, patterns] : amqp.bindings) {
      std::string const binding = path + ".bindings." + group;
      if (!can_bind_) {
        complain(binding, "only amqp:// brokers can give a group some routing keys and not others");
      } else if (!routes_by_key) {
        complain(binding, "patterns need a topic or direct exchange");
      } else if (amqp.type == ExchangeType::kDirect && has_wildcard(patterns)) {
        complain(binding, "a direct exchange knows no '*' and '#'; use type: topic");
      }
    }
    for (auto const& [argument, unused] : amqp.queue_arguments) {
      check_argument(path + ".queue_arguments." + argument, argument, amqp.queue_type);
    }
  }

  static bool has_wildcard(std::vector<std::string> const& patterns) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [](std::string const& pattern) { return pattern.find_first_of("*#") != std::string::npos; });
  }

  void check_argument(std::string const& path, std::string_view argument, QueueType type) {
    if (argument == "x-queue-type") complain(path, "is set by queue_type");
    if (argument == "x-single-active-consumer") complain(path, "is set by the ordering of the subscription");
    if (argument == "x-max-priority" && type != QueueType::kClassic) complain(path, "needs queue_type: classic");
  }

  /// What the destination and its groups are called on the broker: short enough, and no two the same.
  void check_names(std::string const& name, DestinationConfig const& destination) {
    std::string const path = "destinations." + name;
    auto const plan = plan_destination(config_, name);
    if (!plan) return;
    if (plan->kind != DestinationPlan::Kind::kDestination) {
      return complain(path, "is the name of the dead letters or retries of another destination's group");
    }
    if (is_amqp_) check_length(path + ".amqp.exchange", destination.amqp.exchange);
    std::vector<std::string> groups;
    for (auto const& group : plan->groups) {
      check_group_names(path, *plan, group);
      groups.push_back(group.name);
    }
    for (auto const& [group, unused] : destination.amqp.bindings) {
      if (std::find(groups.begin(), groups.end(), group) != groups.end()) continue;
      complain(path + ".amqp.bindings." + group, "there is no such group" + did_you_mean(group, groups));
    }
  }

  void check_group_names(std::string const& path, DestinationPlan const& plan, GroupPlan const& group) {
    auto const retries = plan_retries(plan, group);
    if (group.dead_letter) check_length(path, dead_letter_name(plan.name, group.name));
    for (auto const& retry : retries) check_length(path, retry.name);
    if (!is_amqp_) return;
    std::string const queue = plan.name + "." + group.name;
    int const partitions = plan.config.partitions;
    check_length(path, partitions > 1 ? queue + "." + std::to_string(partitions - 1) : queue);
    for (int k = 0; k < partitions; ++k) claim(path, partitions > 1 ? queue + "." + std::to_string(k) : queue);
    if (group.dead_letter) claim(path, dead_letter_name(plan.name, group.name));
    for (auto const& retry : retries) claim(path, retry.name);
  }

  void check_length(std::string const& path, std::string const& name) {
    std::size_t const longest = is_amqp_ ? 255 : 249;  // Kafka's limit serves for memory as well
    if (name.size() <= longest) return;
    complain(path, "the name '" + name + "' is longer than " + std::to_string(longest) + " characters");
  }

  void claim(std::string const& path, std::string const& queue) {
    auto const [owner, is_new] = queues_.emplace(queue, path);
    if (!is_new) complain(path, "the queue '" + queue + "' would also be one of " + owner->second);
  }

  Config const& config_;
  std::vector<Problem>& problems_;
  bool is_amqp_ = false;
  bool can_bind_ = false;
  std::map<std::string, std::string> queues_;
};

}  // namespace

void find_broker_problems(Config const& config, std::vector<Problem>& problems) { BrokerRules(config, problems).run(); }

}  // namespace fairlead
