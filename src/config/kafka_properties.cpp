#include "config/kafka_properties.hpp"

namespace fairlead {
namespace {

/// A property that Fairlead sets itself: the setting to use instead, or why it is as it is.
struct Owned {
  std::string_view name;
  std::string_view why;
};
constexpr std::string_view kAllReplicas = "always `all`: a confirm must mean that the message is kept";
constexpr std::string_view kAfterHandler = "always off: a message is settled after its handler succeeded";
constexpr Owned kOwned[] = {
    {"bootstrap.servers", "the addresses are in `broker`"},
    {"metadata.broker.list", "the addresses are in `broker`"},
    {"client.id", "use `service`"},
    {"group.id", "use subscriptions.<name>.group"},
    {"auto.offset.reset", "use subscriptions.<name>.start"},
    {"message.timeout.ms", "use publish.deadline"},
    {"delivery.timeout.ms", "use publish.deadline"},
    {"message.max.bytes", "use publish.max_message_bytes"},
    {"queue.buffering.max.messages", "use publish.window_messages"},
    {"queue.buffering.max.kbytes", "use publish.window_bytes"},
    {"compression.codec", "use kafka.compression"},
    {"compression.type", "use kafka.compression"},
    {"reconnect.backoff.ms", "use connection.backoff_initial"},
    {"reconnect.backoff.max.ms", "use connection.backoff_max"},
    {"allow.auto.create.topics", "use destinations.<name>.declare"},
    {"log_level", "use log.loggers.kafka"},
    {"log.queue", "always on: the log is written outside librdkafka's locks"},
    {"acks", kAllReplicas},
    {"request.required.acks", kAllReplicas},
    {"enable.idempotence", "always on: without it a retry may duplicate and reorder"},
    {"transactional.id", "transactions are not available in this version"},
    {"partitioner", "always murmur2_random, as in the Java client, so that a key has one partition on every broker"},
    {"delivery.report.only.error", "always off: every publish is answered"},
    {"enable.auto.commit", kAfterHandler},
    {"auto.commit.enable", kAfterHandler},
    {"enable.auto.offset.store", kAfterHandler},
    {"offset.store.method", "always the broker: a group's position must survive its members"},
    {"enable.partition.eof", "always off: the end of a partition is not a message"},
};

}  // namespace

std::string refused_kafka_property(std::string_view name, std::string_view value) {
  constexpr std::string_view kTopicPrefix = "topic.";  // librdkafka takes topic properties with it as well
  if (name.starts_with(kTopicPrefix)) name.remove_prefix(kTopicPrefix.size());
  for (auto const& owned : kOwned) {
    if (name == owned.name) return "cannot be set: " + std::string(owned.why);
  }
  if (name == "partition.assignment.strategy" && value.find("cooperative") != std::string_view::npos) {
    return "cooperative assignors are not available in this version; use range, roundrobin";
  }
  bool const shows_secrets =
      value.find("all") != std::string_view::npos || value.find("conf") != std::string_view::npos;
  if (name == "debug" && shows_secrets) {
    return "the contexts `conf` and `all` would log secrets; name the others you need";
  }
  return {};
}

}  // namespace fairlead
