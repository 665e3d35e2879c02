#include "kafka/kafka_conf.hpp"

#include "config/kafka_properties.hpp"
#include "config/values.hpp"
#include "core/text.hpp"
#include "kafka/open_socket.hpp"
#include "kafka/version_gates.hpp"
#include "observe/redact.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::kafka {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kSafeClientId = 64;
constexpr int kMaxPollInterval = 60'000;

NativeOptions safe_defaults(Config const& config) {
  return {
      {"socket.timeout.ms", "15000"},
      {"socket.connection.setup.timeout.ms", "10000"},
      {"socket.keepalive.enable", "true"},
      {"topic.metadata.refresh.interval.ms", "60000"},
      {"topic.metadata.propagation.max.ms", "5000"},  // how long an unknown topic may take to become unroutable
      {"log.connection.close", "false"},
      {"reconnect.backoff.ms", std::to_string(config.connection.backoff_initial.count())},
      {"reconnect.backoff.max.ms", std::to_string(config.connection.backoff_max.count())},
  };
}

void secure(NativeOptions& options, BrokerUrl const& url, bool has_login) {
  bool const tls = url.scheme == BrokerUrl::Scheme::kKafkas;
  bool const sasl = !url.user.empty() || has_login;
  // librdkafka has no setting for the oldest version: suites that came with TLS 1.2 leave out what is older. Those of
  // TLS 1.3 are not named by it.
  options["ssl.cipher.suites"] = "TLSv1.2+HIGH:!aNULL:!eNULL";
  options["security.protocol"] = sasl ? (tls ? "sasl_ssl" : "sasl_plaintext") : (tls ? "ssl" : "plaintext");
  if (!sasl) return;
  options["sasl.mechanisms"] = "PLAIN";
  if (has_login) return;
  options["sasl.username"] = url.user;
  options["sasl.password"] = url.password.reveal();
}

/// Some properties have two names; a default under one must not stand beside the user's value under the other.
std::string_view main_name(std::string_view name) noexcept {
  if (name == "sasl.mechanism") return "sasl.mechanisms";
  if (name == "fetch.message.max.bytes") return "max.partition.fetch.bytes";
  return name;
}

/// librdkafka's five minutes are for handlers, which the polling thread never runs. Here it bounds how long a request
/// to join a group waits for its answer on a connection that is dead, and how long the group waits for a member to give
/// up its partitions, which takes a member 7.5 s at most (KafkaSource::revoke).
std::string max_poll_interval(NativeOptions const& client) {
  auto const session = client.find("session.timeout.ms");
  int chosen = 0;
  if (session != client.end()) {
    std::from_chars(session->second.data(), session->second.data() + session->second.size(), chosen);
  }
  return std::to_string(std::max(kMaxPollInterval, chosen));  // librdkafka wants it to be the longer one
}

/// Takes one property of the user's, or says why not.
void take(NativeOptions& options, std::string const& name, std::string const& value, std::string const& from,
          std::vector<std::string>& problems) {
  if (auto const refused = refused_kafka_property(name, value); !refused.empty()) {
    problems.push_back(from + name + ": " + refused);
  } else {
    options[std::string(main_name(name))] = value;
  }
}

std::vector<std::string> known_properties() {
  ConfPtr const conf(rd_kafka_conf_new());
  std::size_t count = 0;
  char const** const dump = rd_kafka_conf_dump(conf.get(), &count);
  std::vector<std::string> names;
  for (std::size_t i = 0; i + 1 < count; i += 2) names.emplace_back(dump[i]);
  rd_kafka_conf_dump_free(dump, count);
  return names;
}

}  // namespace

milliseconds message_timeout(milliseconds publish_deadline) noexcept {
  auto const margin = std::min<milliseconds>(publish_deadline / 4, milliseconds(1500));
  return std::max<milliseconds>(publish_deadline - margin, milliseconds(100));
}

std::string addresses_of(BrokerUrl const& url) {
  std::string list;
  for (auto const& [host, port] : url.hosts) {
    bool const is_v6 = host.find(':') != std::string::npos;
    list += (list.empty() ? "" : ",") + (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }
  return list;
}

Result<NativeOptions> client_options(Config const& config, BrokerUrl const& url, bool has_login) {
  auto options = safe_defaults(config);
  secure(options, url, has_login);
  std::vector<std::string> problems;
  for (auto const& [name, value] : url.query) take(options, name, value, "broker: ", problems);
  for (auto const& [name, value] : config.kafka.conf) take(options, name, value, "kafka.conf.", problems);
  if (!problems.empty()) {
    std::string message;
    for (auto const& problem : problems) message += (message.empty() ? "" : "\n") + problem;
    return Error{Errc::kInvalidConfig, std::move(message)};
  }
  options["bootstrap.servers"] = addresses_of(url);
  options["client.id"] = has(Since::kLongClientId) ? config.service : config.service.substr(0, kSafeClientId);
  options["log.queue"] = "true";  // the log is written from our threads, not from inside librdkafka's locks
  options["allow.auto.create.topics"] = "false";
  return options;
}

NativeOptions producer_options(NativeOptions client, Config const& config) {
  constexpr std::size_t kFraming = std::size_t{16} << 10;  // librdkafka counts its own framing as well
  auto const window = config.publish.window_messages > 0 ? config.publish.window_messages : 100'000;
  auto const window_bytes = config.publish.window_bytes + config.publish.max_message_bytes;
  client["enable.idempotence"] = "true";
  client["acks"] = "all";
  client["partitioner"] = "murmur2_random";  // as the Java client
  client["compression.codec"] = format_value(config.kafka.compression);
  client["message.timeout.ms"] = std::to_string(message_timeout(config.publish.deadline).count());
  client["message.max.bytes"] = std::to_string(config.publish.max_message_bytes + kFraming);
  // The publish window bounds memory: librdkafka's queue is never the one that is full. Twice, because librdkafka
  // counts a message until its delivery event is destroyed, when the window has long let others in; an event may hold
  // it all.
  client["queue.buffering.max.messages"] = std::to_string(2 * window);
  client["queue.buffering.max.kbytes"] = std::to_string(2 * (window_bytes / 1024 + 1));
  return client;
}

NativeOptions consumer_options(NativeOptions const& client, std::string const& group, bool reads_retries) {
  NativeOptions options{
      {"session.timeout.ms", "10000"},  // a member that was killed is replaced after this
      {"max.poll.interval.ms", max_poll_interval(client)},
      {"partition.assignment.strategy", "range,roundrobin"},
      {"queued.min.messages", "50000"},
      {"queued.max.messages.kbytes", "16384"},
      {"fetch.max.bytes", std::to_string(std::size_t{8} << 20)},
      {"max.partition.fetch.bytes", std::to_string(std::size_t{1} << 20)},
      {"isolation.level", "read_committed"},
  };
  if (has(Since::kFetchQueueBackoff)) options["fetch.queue.backoff.ms"] = "5";  // else: FetchWaker
  // Where a coordinator has moved to is told on a connection that also fetches, after the fetch. A refused commit must
  // still wait for its repetition then: one that waits for an address is failed when there is one (2.12.1), asks again
  // behind the next fetch, and so on until the session is lost.
  options["retry.backoff.ms"] = "250";
  // A fetch asked for while the queue of fresh messages was full waits for retries alone, and holds up those that are
  // fetched next: with librdkafka's 500 ms for longer than the stall that FetchWaker ends.
  options["fetch.wait.max.ms"] = reads_retries ? "20" : "100";
  for (auto const& [name, value] : client) options[name] = value;
  options["group.id"] = group;
  options["enable.auto.commit"] = "false";
  options["enable.auto.offset.store"] = "false";
  options["auto.offset.reset"] = "earliest";  // `latest` is an explicit position: start_position.hpp
  return options;
}

Result<ConfPtr> make_conf(NativeOptions const& options, void* topic_opaque) {
  ConfPtr conf(rd_kafka_conf_new());
  rd_kafka_conf_set_socket_cb(conf.get(), open_socket);
  // First: topic properties set on `conf` below land in this default topic configuration.
  rd_kafka_topic_conf_t* const topics = rd_kafka_topic_conf_new();
  rd_kafka_topic_conf_set_opaque(topics, topic_opaque);
  rd_kafka_conf_set_default_topic_conf(conf.get(), topics);
  std::string problems;
  for (auto const& [name, value] : options) {
    char why[512];
    auto const outcome = rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why, sizeof why);
    if (outcome == RD_KAFKA_CONF_OK) continue;
    bool const is_unknown = outcome == RD_KAFKA_CONF_UNKNOWN;
    problems += problems.empty() ? "" : "\n";
    problems += "kafka.conf." + name + ": ";
    problems += is_unknown ? "librdkafka has no such property" + did_you_mean(name, known_properties()) : redact(why);
  }
  if (!problems.empty()) return Error{Errc::kInvalidConfig, std::move(problems)};
  return conf;
}

}  // namespace fairlead::kafka
