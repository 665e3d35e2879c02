#pragma once

#include <fairlead/export.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

/// Native settings handed through as they are: librdkafka properties, AMQP queue arguments.
using NativeOptions = std::map<std::string, std::string, std::less<>>;

enum class Ordering {
  kNone,       ///< any worker, any order
  kKey,        ///< messages with one key are handled one after the other, in publish order
  kPartition,  ///< all messages of a partition are handled one after the other
};
enum class StartFrom { kEarliest, kLatest };
enum class OnOutage {
  kPause,  ///< fail closed: intake waits until the store is back
  kPass,   ///< fail open: handlers run without deduplication meanwhile
};
enum class OnUnconfirmed {
  kResend,  ///< sent again on the next connection, in the old order, as long as the deadline allows
  kReport,  ///< ends at once as `kConnectionLost`, maybe applied
};
enum class ExchangeType { kTopic, kDirect, kFanout, kHeaders };
enum class QueueType { kQuorum, kClassic, kStream };
enum class Compression { kNone, kSnappy, kLz4, kZstd, kGzip };

/// `kafka:` of a destination.
struct KafkaDestination {
  std::string topic;            ///< empty: the destination's name
  int replication_factor = -1;  ///< -1: the cluster's default
  NativeOptions config;         ///< topic settings used when it is created, such as `retention.ms`
};

/// `amqp:` of a destination.
struct AmqpDestination {
  std::string exchange;  ///< empty: the destination's name
  ExchangeType type = ExchangeType::kTopic;
  QueueType queue_type = QueueType::kQuorum;
  /// Binding patterns per group; a group without an entry gets everything.
  std::map<std::string, std::vector<std::string>, std::less<>> bindings;
  NativeOptions queue_arguments;  ///< such as `x-max-length`; numbers and true/false are sent as such
};

/// One entry of `destinations:`, where messages are published and what their groups become.
struct DestinationConfig {
  int partitions = 1;               ///< 1 to 1024
  std::vector<std::string> groups;  ///< declared with the destination, so that nothing published early is lost
  bool declare = true;              ///< create what is missing; `false`: what is missing is an error
  bool message_ids = true;          ///< stamp an id on messages that have none
  bool trace = true;                ///< create or continue W3C `traceparent` on each message
  KafkaDestination kafka;
  AmqpDestination amqp;
};

/// Messages per second. Written `500/s`, `30/m`, `1000/h`.
struct Rate {
  double per_second = 0;  ///< 0: no limit
  friend bool operator==(Rate, Rate) = default;
};

/// `retry:` of a subscription: what happens to a message whose handler failed. First attempts in place, where only the
/// messages of its key wait; then one attempt after each tier, which is kept by the broker; then the dead letter.
struct RetryConfig {
  int max_attempts = 5;  ///< handlings in all, the first one and those after the tiers included; at least 1
  std::chrono::milliseconds initial{
      200};                               ///< in place: a delay is random, from 0 to `initial` after the first failure,
  std::chrono::milliseconds max{10'000};  ///< growing with `multiplier`, to at most `max`
  double multiplier = 2.0;
  /// Delays of the last attempts, the shortest first: with 5 attempts and [10s, 1m, 10m] two are made in place and one
  /// after each tier. A message that waits in a tier is overtaken by others of its key.
  std::vector<std::chrono::milliseconds> tiers{};
};

/// `circuit_breaker:` of a subscription. When everything fails, retries would only multiply the load: once `budget`
/// retries were made for which no success paid, handling pauses, and probes with one message at a time find out when it
/// may go on.
struct CircuitBreakerConfig {
  int budget = 100;                           ///< retries; each success pays for one. 0: no breaker
  std::chrono::milliseconds cooldown{1'000};  ///< before the first probe; doubles with each that fails
  std::chrono::milliseconds max_cooldown{30'000};
};

/// `idempotency:` of a subscription: an effect named by an idempotency key happens once, see fairlead/idempotency.hpp.
struct IdempotencyConfig {
  std::string store;  ///< `memory:`, `sqlite:FILE`, `redis://[user:password@]host[:port][/db]`; empty: none
  std::chrono::milliseconds keep{std::chrono::hours(24 * 7)};  ///< how long a key is known after its effect
  /// How long a handler owns a key before others may take it for dead; 0: twice `timeout`.
  std::chrono::milliseconds lease{0};
  OnOutage on_outage = OnOutage::kPause;
};

/// `batch:` of a subscription, for batch handlers: a batch begins when it has `messages`, or `wait` after its first.
struct BatchConfig {
  int messages = 100;  ///< never more than `max_in_flight`
  std::chrono::milliseconds wait{50};
};

/// `settle:` of a subscription: settlements go to the broker together, when `messages` wait or the first of them waits
/// for `interval`. What is finished and not settled is handled again after a crash.
struct SettleConfig {
  int messages = 64;
  std::chrono::milliseconds interval{5};
};

/// One entry of `subscriptions:`.
struct SubscriptionConfig {
  std::string destination;
  /// Members of a group share the messages; every group gets every message. Empty: a group of its own, from latest.
  std::string group;
  Ordering ordering = Ordering::kKey;
  int concurrency = 1;       ///< worker threads, 1 to 1024
  int max_in_flight = 1000;  ///< messages taken in and not settled yet; at least `concurrency`
  std::size_t max_in_flight_bytes = std::size_t{32} << 20;
  /// A handler that takes longer is asked to stop and reported; its message counts as failed when it returns.
  std::chrono::milliseconds timeout{60'000};
  Rate rate_limit;     ///< handlings begun by this member
  int rate_burst = 0;  ///< how many may begin at once after a pause; 0: a tenth of a second's worth, at least 1
  StartFrom start = StartFrom::kEarliest;  ///< where a group begins that has no position yet
  RetryConfig retry;
  bool dead_letter = true;  ///< keep messages given up on in `<destination>.<group>.dlq`
  CircuitBreakerConfig circuit_breaker;
  IdempotencyConfig idempotency;
  SettleConfig settle;
  BatchConfig batch;
};

/// `publish:`.
struct PublishConfig {
  /// Of a publish without one of its own; on Kafka, of every publish at most.
  std::chrono::milliseconds deadline{30'000};
  /// Publishes without an answer yet; 0: the backend's own default (Kafka 100,000, AMQP 2,000, memory 10,000).
  int window_messages = 0;
  std::size_t window_bytes = std::size_t{32} << 20;
  /// What becomes of messages that were sent and not confirmed when the connection, or librdkafka's producer, breaks.
  /// The broker may have them: sent again, they may come twice, with the same id.
  OnUnconfirmed unconfirmed = OnUnconfirmed::kResend;
  std::size_t max_message_bytes = std::size_t{1'000'000};  ///< payload, key and headers together; Kafka's default limit
};

/// `connection:`.
struct ConnectionConfig {
  std::chrono::milliseconds connect_timeout{10'000};  ///< `Broker::open` fails after this
  std::chrono::milliseconds backoff_initial{1'000};
  std::chrono::milliseconds backoff_max{30'000};
  std::chrono::milliseconds close_timeout{10'000};  ///< bound of the destructor's `close`
  /// A file with the password (or token) of the user in `broker`, read again at each connection. Empty: none.
  std::string password_file;
};

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError, kOff };
enum class LogFormat { kJson, kConsole };

/// `log:`.
struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kConsole;
  std::string file;  ///< empty: standard error
  /// Level per logger: `publish` and `handle` (one record a message, at debug), `connection`, `kafka`, `amqp`, ...
  std::map<std::string, LogLevel, std::less<>> loggers;
};

/// `kafka:` at the top: applies to every destination.
struct KafkaConfig {
  Compression compression = Compression::kSnappy;
  /// Any librdkafka property; those the contract depends on are refused. Of a member of a group, `session.timeout.ms`
  /// is 10 s, and `max.poll.interval.ms` 60 s or the session's time-out, if that is longer: no handler has to keep to
  /// it, but the group waits that long for a member to give up its partitions, and a member to be answered its join.
  /// `fetch.wait.max.ms` is 100 ms or less and `retry.backoff.ms` 250 ms: with the first as long as the second, a group
  /// whose coordinator has moved may be kept from committing until its session is lost.
  NativeOptions conf;
};

/// `amqp:` at the top.
struct AmqpConfig {
  std::chrono::seconds heartbeat{10};
};

/// `memory:` at the top.
struct MemoryConfig {
  std::size_t max_bytes = std::size_t{256} << 20;  ///< of all messages kept; a publish that would pass it is refused
};

/// Everything a broker is opened with. Plain values: build it in code, or read it with `load_config`.
/// Thread-compatible.
struct Config {
  /// `kafka[s]://host:port,host:port?librdkafka.property=value`, `amqp[s]://user:password@host:port/vhost?heartbeat=10`
  /// or `memory://name`. Holds the password: use `redacted_url` to show it.
  std::string broker = "memory://default";
  std::string service = "fairlead";  ///< client id, and `service.name` in the log
  std::map<std::string, DestinationConfig, std::less<>> destinations;
  std::map<std::string, SubscriptionConfig, std::less<>> subscriptions;
  PublishConfig publish;
  ConnectionConfig connection;
  LogConfig log;
  KafkaConfig kafka;
  AmqpConfig amqp;
  MemoryConfig memory;
};

/// Reads a YAML or JSON file (by its extension; anything else is read as YAML, of which JSON is a part), expands
/// `${ENV}` and `${ENV:-default}`, applies `FAIRLEAD_` environment variables (`FAIRLEAD_PUBLISH__DEADLINE=5s`), and
/// checks everything. All problems are reported together, one line each: file, line, key, what is wrong, and the
/// nearest valid name. Blocks for the file read only. Never shows a secret.
[[nodiscard]] FAIRLEAD_EXPORT Result<Config> load_config(std::string const& path);

/// The same from text; `name` stands for the file in messages.
[[nodiscard]] FAIRLEAD_EXPORT Result<Config> parse_config(std::string_view text, std::string const& name = "config");

/// Checks a configuration that was built in code. `Broker::open` does it too.
[[nodiscard]] FAIRLEAD_EXPORT Result<void> validate(Config const& config);

/// The URL with its password, and query values that may be secret, replaced by `***`.
[[nodiscard]] FAIRLEAD_EXPORT std::string redacted_url(std::string_view url);

}  // namespace fairlead
