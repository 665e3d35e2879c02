#include "config/validation.hpp"

#include "config/broker_rules.hpp"
#include "config/plan.hpp"
#include "core/store_url.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <utility>

namespace fairlead {
namespace {

using std::chrono::milliseconds;

/// Ranges, names and references: what is wrong whatever the broker.
class Validation {
 public:
  Validation(Config const& config, std::vector<Problem>& problems) : config_(config), problems_(problems) {}

  void run() {
    bool const is_printable =
        std::all_of(config_.service.begin(), config_.service.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (config_.service.empty() || config_.service.size() > 200 || !is_printable) {
      complain("service", "must have 1 to 200 printable characters without spaces");
    }
    for (auto const& [name, destination] : config_.destinations) check_destination(name, destination);
    for (auto const& [name, subscription] : config_.subscriptions) check_subscription(name, subscription);
    check_publish();
    check_connection();
    check_loggers();
    range("amqp.heartbeat", config_.amqp.heartbeat, std::chrono::seconds(1), std::chrono::seconds(60),
          "must be from 1s to 60s");
    range("memory.max_bytes", config_.memory.max_bytes, std::size_t{1}, SIZE_MAX, "must be at least 1");
  }

 private:
  void complain(std::string path, std::string text) { problems_.push_back({"", std::move(path), std::move(text)}); }

  template <class T>
  void range(std::string const& path, T value, T low, T high, char const* text) {
    if (value < low || value > high) complain(path, text);
  }
  // The upper end keeps arithmetic with time points from overflowing.
  void duration(std::string const& path, milliseconds value, milliseconds least = milliseconds(1)) {
    range(path, value, least, milliseconds(std::chrono::hours(24)),
          least.count() == 0 ? "must be from 0ms to 1d" : "must be from 1ms to 1d");
  }

  void name(std::string const& path, std::string_view name) {
    bool const is_plain = std::all_of(name.begin(), name.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
    });
    if (name.empty() || name.size() > 200 || !is_plain || name == "." || name == "..") {
      complain(path, "'" + std::string(name) + "' is not a name of 1 to 200 letters, digits, '.', '_' and '-'");
    }
  }

  void check_destination(std::string const& key, DestinationConfig const& destination) {
    std::string const path = "destinations." + key;
    name(path, key);
    range(path + ".partitions", destination.partitions, 1, 1024, "must be from 1 to 1024");
    std::set<std::string_view> groups;
    for (auto const& group : destination.groups) {
      name(path + ".groups", group);
      if (!groups.insert(group).second) complain(path + ".groups", "'" + group + "' is there twice");
    }
    auto const replicas = destination.kafka.replication_factor;
    if (replicas != -1) {
      range(path + ".kafka.replication_factor", replicas, 1, 100, "must be from 1 to 100, or -1 for the cluster's own");
    }
    if (!destination.kafka.topic.empty()) name(path + ".kafka.topic", destination.kafka.topic);
    for (auto const& [group, patterns] : destination.amqp.bindings) {
      name(path + ".amqp.bindings." + group, group);
      if (patterns.empty()) complain(path + ".amqp.bindings." + group, "needs at least one pattern");
    }
  }

  void check_subscription(std::string const& key, SubscriptionConfig const& subscription) {
    std::string const path = "subscriptions." + key;
    name(path, key);
    check_reference(path + ".destination", subscription.destination);
    if (!subscription.group.empty()) check_group(path, key, subscription);
    range(path + ".concurrency", subscription.concurrency, 1, 1024, "must be from 1 to 1024");
    range(path + ".max_in_flight", subscription.max_in_flight, subscription.concurrency, 1'000'000,
          "must be from concurrency to 1000000");
    range(path + ".max_in_flight_bytes", subscription.max_in_flight_bytes, std::size_t{1}, SIZE_MAX,
          "must be at least 1");
    duration(path + ".timeout", subscription.timeout);
    auto const per_second = subscription.rate_limit.per_second;
    if (!(per_second >= 0 && per_second <= 1e9))
      complain(path + ".rate_limit", "must be from 0/s (none) to 1000000000/s");
    range(path + ".rate_burst", subscription.rate_burst, 0, 1'000'000, "must be from 0 to 1000000");
    range(path + ".settle.messages", subscription.settle.messages, 1, 1'000'000, "must be from 1 to 1000000");
    duration(path + ".settle.interval", subscription.settle.interval, milliseconds(0));
    range(path + ".batch.messages", subscription.batch.messages, 1, 1'000'000, "must be from 1 to 1000000");
    duration(path + ".batch.wait", subscription.batch.wait, milliseconds(0));
    check_retry(path + ".retry", subscription);
    check_circuit_breaker(path + ".circuit_breaker", subscription.circuit_breaker);
    check_idempotency(path + ".idempotency", subscription);
  }

  void check_retry(std::string const& path, SubscriptionConfig const& subscription) {
    auto const& retry = subscription.retry;
    range(path + ".max_attempts", retry.max_attempts, 1, 1'000'000, "must be from 1 to 1000000");
    duration(path + ".initial", retry.initial, milliseconds(0));
    duration(path + ".max", retry.max, milliseconds(0));
    if (retry.max < retry.initial) complain(path + ".max", "must be at least retry.initial");
    if (!(retry.multiplier >= 1.0 && retry.multiplier <= 100.0)) {  // so that NaN is refused as well
      complain(path + ".multiplier", "must be from 1 to 100");
    }
    for (auto const tier : retry.tiers) duration(path + ".tiers", tier);
    if (std::adjacent_find(retry.tiers.begin(), retry.tiers.end(), std::greater_equal<>()) != retry.tiers.end()) {
      complain(path + ".tiers", "must grow: each delay longer than the one before");
    }
    if (!retry.tiers.empty() && retry.tiers.size() >= static_cast<std::size_t>(std::max(retry.max_attempts, 0))) {
      complain(path + ".tiers", "needs an attempt for each and one before them: raise max_attempts to " +
                                    std::to_string(retry.tiers.size() + 1) + " or more");
    }
    if (!retry.tiers.empty() && subscription.group.empty()) {
      complain(path + ".tiers", "needs a group: nobody else could read the tiers of this subscription");
    }
  }

  void check_circuit_breaker(std::string const& path, CircuitBreakerConfig const& breaker) {
    range(path + ".budget", breaker.budget, 0, 1'000'000, "must be from 0 (none) to 1000000");
    duration(path + ".cooldown", breaker.cooldown);
    duration(path + ".max_cooldown", breaker.max_cooldown);
    if (breaker.max_cooldown < breaker.cooldown) complain(path + ".max_cooldown", "must be at least cooldown");
  }

  void check_idempotency(std::string const& path, SubscriptionConfig const& subscription) {
    auto const& idempotency = subscription.idempotency;
    range(path + ".keep", idempotency.keep, milliseconds(1), milliseconds(std::chrono::hours(24 * 366)),
          "must be from 1ms to 366d");
    duration(path + ".lease", idempotency.lease, milliseconds(0));
    // Without a colon it names a store that the application brings along.
    if (idempotency.store.find(':') != std::string::npos) {
      if (auto const url = parse_store_url(idempotency.store); !url) complain(path + ".store", url.error().message);
    }
    if (idempotency.lease.count() > 0 && idempotency.lease <= subscription.timeout) {
      complain(path + ".lease",
               "must be longer than the timeout of the subscription: a handler that still runs would "
               "lose its key");
    }
  }

  void check_reference(std::string const& path, std::string const& destination) {
    if (destination.empty()) return complain(path, "is missing");
    if (auto const plan = plan_destination(config_, destination); !plan) complain(path, plan.error().message);
  }

  void check_group(std::string const& path, std::string const& key, SubscriptionConfig const& subscription) {
    name(path + ".group", subscription.group);
    for (auto const& [other, member] : config_.subscriptions) {
      if (other == key) return;  // those in front of this one
      if (member.destination != subscription.destination || member.group != subscription.group) continue;
      std::string const text = "must be that of subscriptions." + other + ", which is a member of the same group";
      if (member.ordering != subscription.ordering) complain(path + ".ordering", text);
      if (member.dead_letter != subscription.dead_letter) complain(path + ".dead_letter", text);
      if (member.retry.tiers != subscription.retry.tiers) complain(path + ".retry.tiers", text);
    }
  }

  void check_publish() {
    auto const& publish = config_.publish;
    duration("publish.deadline", publish.deadline);
    range("publish.window_messages", publish.window_messages, 0, 1'000'000,
          "must be from 0 (the broker's default) to 1000000");
    range("publish.window_bytes", publish.window_bytes, std::size_t{1}, SIZE_MAX, "must be at least 1");
    range("publish.max_message_bytes", publish.max_message_bytes, std::size_t{1}, std::size_t{128} << 20U,
          "must be from 1 to 128MiB");
  }

  void check_connection() {
    auto const& connection = config_.connection;
    duration("connection.connect_timeout", connection.connect_timeout);
    duration("connection.backoff_initial", connection.backoff_initial);
    duration("connection.backoff_max", connection.backoff_max);
    if (connection.backoff_max < connection.backoff_initial) {
      complain("connection.backoff_max", "must be at least connection.backoff_initial");
    }
    duration("connection.close_timeout", connection.close_timeout);
  }

  void check_loggers() {
    static std::array<std::string, 6> const loggers{"publish", "handle", "connection", "subscription", "kafka", "amqp"};
    for (auto const& [logger, unused] : config_.log.loggers) {
      if (std::find(loggers.begin(), loggers.end(), logger) == loggers.end()) {
        complain("log.loggers." + logger, "there is no such logger" + did_you_mean(logger, loggers));
      }
    }
  }

  Config const& config_;
  std::vector<Problem>& problems_;
};

}  // namespace

std::vector<Problem> find_problems(Config const& config) {
  std::vector<Problem> problems;
  find_broker_problems(config, problems);
  Validation(config, problems).run();
  return problems;
}

Error config_error(std::vector<Problem> const& problems) {
  std::string text;
  for (auto const& problem : problems) {
    if (!text.empty()) text += '\n';
    if (!problem.origin.empty()) text += problem.origin + ": ";
    if (!problem.path.empty()) text += problem.path + ": ";
    text += problem.text;
  }
  return {Errc::kInvalidConfig, std::move(text)};
}

Result<void> validate(Config const& config) {
  auto const problems = find_problems(config);
  if (problems.empty()) return {};
  return config_error(problems);
}

}  // namespace fairlead
