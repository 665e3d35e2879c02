#include "config/validation.hpp"

#include "config/broker_url.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>

namespace fairlead {
namespace {

using Scheme = BrokerUrl::Scheme;

class Validation {
 public:
  explicit Validation(Config const& config) : config_(config) {}

  std::vector<Problem> run() {
    auto const url = parse_broker_url(config_.broker);
    if (url) {
      scheme_ = url->scheme;
    } else {
      complain("broker", url.error().message);
    }
    check_service();
    for (auto const& [name, destination] : config_.destinations) check_destination(name, destination);
    for (auto const& [name, subscription] : config_.subscriptions) check_subscription(name, subscription);
    check_publish();
    check_connection();
    check_kafka();
    if (config_.amqp.heartbeat.count() < 1 || config_.amqp.heartbeat.count() > 60) {
      complain("amqp.heartbeat", "must be from 1s to 60s");
    }
    if (config_.memory.max_bytes == 0) complain("memory.max_bytes", "must be at least 1");
    return std::move(problems_);
  }

 private:
  void complain(std::string path, std::string text) { problems_.push_back({"", std::move(path), std::move(text)}); }

  template <class T>
  void range(std::string const& path, T value, T low, T high, char const* text) {
    if (value < low || value > high) complain(path, text);
  }

  void name(std::string const& path, std::string_view name) {
    bool const valid = !name.empty() && name.size() <= 200 && std::all_of(name.begin(), name.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
    });
    if (!valid) complain(path, "names have 1 to 200 letters, digits, '.', '_' and '-'");
  }

  [[nodiscard]] bool is_amqp() const { return scheme_ == Scheme::kAmqp || scheme_ == Scheme::kAmqps; }

  void check_service() {
    bool const valid =
        !config_.service.empty() && config_.service.size() <= 200 &&
        std::all_of(config_.service.begin(), config_.service.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!valid) complain("service", "must have 1 to 200 printable characters without spaces");
  }

  void check_destination(std::string const& key, DestinationConfig const& destination) {
    std::string const path = "destinations." + key;
    name(path, key);
    range(path + ".partitions", destination.partitions, 1, 1024, "must be from 1 to 1024");
    for (auto const& group : destination.groups) name(path + ".groups", group);
    range(path + ".kafka.replication_factor", destination.kafka.replication_factor, -1, 100,
          "must be -1 (the cluster's default) or the number of replicas");
    if (destination.kafka.replication_factor == 0) complain(path + ".kafka.replication_factor", "must not be 0");
    check_amqp(path + ".amqp", destination);
  }

  void check_amqp(std::string const& path, DestinationConfig const& destination) {
    auto const& amqp = destination.amqp;
    bool const routes_by_last_word = amqp.type == ExchangeType::kTopic || amqp.type == ExchangeType::kDirect;
    if (destination.partitions > 1 && !routes_by_last_word) {
      complain(path + ".type",
               "partitions are routed by the last word of the routing key, which fanout and headers "
               "exchanges do not look at; use topic, or partitions: 1");
    }
    if (amqp.queue_type == QueueType::kStream)
      complain(path + ".queue_type", "stream is not available in this version");
    for (auto const& [group, patterns] : amqp.bindings) {
      name(path + ".bindings", group);
      if (patterns.empty()) complain(path + ".bindings." + group, "needs at least one pattern");
      if (scheme_ && !is_amqp()) {
        complain(path + ".bindings." + group, "only amqp:// brokers can give a group some routing keys and not others");
      }
      if (amqp.type == ExchangeType::kFanout || amqp.type == ExchangeType::kHeaders) {
        complain(path + ".bindings." + group, "patterns need a topic or direct exchange");
      }
    }
    for (auto const& [argument, unused] : amqp.queue_arguments) {
      if (argument == "x-queue-type") complain(path + ".queue_arguments", "x-queue-type is set by queue_type");
      if (argument == "x-single-active-consumer") {
        complain(path + ".queue_arguments", "x-single-active-consumer is set by the subscription's ordering");
      }
      if (argument == "x-max-priority" && amqp.queue_type != QueueType::kClassic) {
        complain(path + ".queue_arguments", "x-max-priority needs queue_type: classic");
      }
    }
  }

  void check_subscription(std::string const& key, SubscriptionConfig const& subscription) {
    std::string const path = "subscriptions." + key;
    if (key.empty() || key.size() > 200) complain(path, "names have 1 to 200 characters");
    check_destination_of(path, subscription);
    if (!subscription.group.empty()) name(path + ".group", subscription.group);
    range(path + ".concurrency", subscription.concurrency, 1, 1024, "must be from 1 to 1024");
    if (subscription.max_in_flight < subscription.concurrency || subscription.max_in_flight > 1'000'000) {
      complain(path + ".max_in_flight", "must be from concurrency to 1000000");
    }
    if (subscription.max_in_flight_bytes == 0) complain(path + ".max_in_flight_bytes", "must be at least 1");
    if (subscription.timeout.count() <= 0) complain(path + ".timeout", "must be positive");
    auto const& retry = subscription.retry;
    range(path + ".retry.max_attempts", retry.max_attempts, 1, 1'000'000, "must be at least 1");
    if (retry.initial.count() < 0) complain(path + ".retry.initial", "must not be negative");
    if (retry.max < retry.initial) complain(path + ".retry.max", "must be at least retry.initial");
    if (!(retry.multiplier >= 1.0 && retry.multiplier <= 100.0))
      complain(path + ".retry.multiplier", "must be from 1 to 100");
  }

  void check_destination_of(std::string const& path, SubscriptionConfig const& subscription) {
    if (subscription.destination.empty()) return complain(path + ".destination", "is missing");
    std::vector<std::string> names;
    for (auto const& [name, destination] : config_.destinations) {
      if (name == subscription.destination) return;
      names.push_back(name);
      // `orders.billing.dlq` reads the dead letters of a group of `orders`.
      if (subscription.destination.starts_with(name + ".") && subscription.destination.ends_with(".dlq")) return;
    }
    complain(path + ".destination", "'" + subscription.destination + "' is not under destinations" +
                                        did_you_mean(subscription.destination, names));
  }

  void check_publish() {
    auto const& publish = config_.publish;
    if (publish.deadline.count() <= 0) complain("publish.deadline", "must be positive");
    range("publish.window_messages", publish.window_messages, 0, 1'000'000,
          "must be from 0 (the broker's default) to 1000000");
    if (publish.window_bytes == 0) complain("publish.window_bytes", "must be at least 1");
    range("publish.max_message_bytes", publish.max_message_bytes, std::size_t{1}, std::size_t{128} << 20U,
          "must be from 1 to 128MiB");
  }

  void check_connection() {
    auto const& connection = config_.connection;
    if (connection.connect_timeout.count() <= 0) complain("connection.connect_timeout", "must be positive");
    if (connection.backoff_initial.count() <= 0) complain("connection.backoff_initial", "must be positive");
    if (connection.backoff_max < connection.backoff_initial) {
      complain("connection.backoff_max", "must be at least connection.backoff_initial");
    }
    if (connection.close_timeout.count() < 0) complain("connection.close_timeout", "must not be negative");
  }

  void check_kafka() {
    struct Owned {
      std::string_view name;
      std::string_view why;
    };
    static constexpr Owned kOwned[] = {
        {"bootstrap.servers", "comes from the broker URL"},
        {"client.id", "is the service"},
        {"group.id", "is the group of a subscription"},
        {"enable.idempotence", "is always on: without it a retry may duplicate and reorder"},
        {"acks", "is always all: a confirm must mean that the message is kept"},
        {"request.required.acks", "is always all: a confirm must mean that the message is kept"},
        {"enable.auto.commit", "is always off: offsets are committed after the handler succeeded"},
        {"enable.auto.offset.store", "is always off: offsets are stored after the handler succeeded"},
        {"auto.offset.reset", "is the start of a subscription"},
        {"partitioner", "is always murmur2_random, as in the Java client"},
        {"compression.codec", "is kafka.compression"},
        {"compression.type", "is kafka.compression"},
        {"message.timeout.ms", "is publish.deadline"},
        {"delivery.timeout.ms", "is publish.deadline"},
        {"delivery.report.only.error", "is always off: every publish is answered"},
    };
    for (auto const& [property, unused] : config_.kafka.conf) {
      for (auto const& owned : kOwned) {
        if (property == owned.name) complain("kafka.conf." + property, "cannot be set: it " + std::string(owned.why));
      }
    }
  }

  Config const& config_;
  std::optional<Scheme> scheme_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> find_problems(Config const& config) { return Validation(config).run(); }

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
