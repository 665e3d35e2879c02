#include <fairlead/kafka_broker.hpp>

#include "broker/credentials_desk.hpp"
#include "broker/open_checks.hpp"
#include "config/broker_url.hpp"
#include "core/ids.hpp"
#include "core/process_mark.hpp"
#include "kafka/client_watch.hpp"
#include "kafka/kafka_admin.hpp"
#include "kafka/kafka_conf.hpp"
#include "kafka/kafka_producer.hpp"
#include "kafka/kafka_source.hpp"
#include "publish/confirm_window.hpp"
#include "publish/retry_sink.hpp"
#include "publish/sink.hpp"

#include <fairlead/logger.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

// A producer that makes a new handle waits this long for credentials, and no close longer for it.
constexpr std::chrono::milliseconds kAnswerOfProvider{3'000};

Capabilities kafka_capabilities() {
  Capabilities can;
  can.system = "kafka";
  can.priority = {Support::kImpossible, "a Kafka partition is read in the order it was written"};
  can.time_to_live = {Support::kEmulated, "the message carries its expiry and is dropped by the consumer"};
  can.routing_patterns = {Support::kImpossible, "Kafka has no broker-side routing"};
  can.unroutable_detection = {Support::kImpossible, "a topic keeps what no group has asked for yet"};
  can.authentication = {Support::kNative, "where the listener asks for it"};
  can.default_window_messages = 100'000;
  return can;
}

class KafkaSink final : public Sink {
 public:
  KafkaSink(std::shared_ptr<kafka::KafkaProducer> producer, kafka::ProducerTopic const& topic) noexcept
      : producer_(std::move(producer)), topic_(topic) {}

  Result<void> publish(Outbound const& message, PendingPublish& pending) override {
    return producer_->publish(topic_, message, pending);
  }

 private:
  std::shared_ptr<kafka::KafkaProducer> const producer_;
  kafka::ProducerTopic const& topic_;  // the producer's
};

/// A retry topic that is still to be made gets as many partitions as the destination's topic has, which may be more
/// than the configuration says: only then the range assignor keeps a key with one member.
Result<DestinationPlan> as_wide_as_its_destination(rd_kafka_t* client, DestinationPlan plan,
                                                   Clock::time_point deadline) {
  if (plan.kind != DestinationPlan::Kind::kRetry || kafka::count_partitions(client, plan, deadline)) return plan;
  auto destination = plan;
  destination.delay = {};
  auto const partitions = kafka::count_partitions(client, destination, deadline);
  if (partitions) plan.config.partitions = std::max(plan.config.partitions, *partitions);
  if (!partitions && partitions.error().code != Errc::kUnknownDestination) return partitions.error();
  return plan;
}

std::shared_ptr<kafka::KafkaLogin const> make_login(std::shared_ptr<CredentialsDesk> desk, NativeOptions const& client,
                                                    std::string const& user, std::shared_ptr<Logger> logger) {
  if (!desk) return nullptr;
  bool const is_token = client.at("sasl.mechanisms") == "OAUTHBEARER";
  return std::make_shared<kafka::KafkaLogin>(kafka::KafkaLogin{std::move(desk), user, is_token, std::move(logger)});
}

/// Asks for the credentials of a client that is about to be made. A token is no property: it is set on the client.
Result<std::optional<Credentials>> add_credentials(NativeOptions& options, kafka::KafkaLogin const* login,
                                                   Clock::time_point deadline) {
  if (login == nullptr) return std::optional<Credentials>();
  auto credentials = login->desk->get(deadline);
  if (!credentials) return std::move(credentials).error();
  if (!login->is_token) {
    options["sasl.username"] = credentials->user.empty() ? login->user : credentials->user;
    options["sasl.password"] = credentials->password.reveal();
  }
  return std::optional(*std::move(credentials));
}

/// Of a producer, for each handle that it makes: with the credentials of the moment.
Result<kafka::ConfPtr> make_producer_conf(NativeOptions client, Config const& config,
                                          std::shared_ptr<kafka::KafkaLogin const> const& login) {
  auto const patience = std::min<std::chrono::milliseconds>(config.connection.connect_timeout, kAnswerOfProvider);
  if (auto added = add_credentials(client, login.get(), Clock::now() + patience); !added) {
    return std::move(added).error();
  }
  auto conf = kafka::make_conf(kafka::producer_options(std::move(client), config));
  if (conf) kafka::watch_client(conf->get(), login);
  return conf;
}

std::string group_of_its_own(std::string const& service) {
  std::string id;
  make_message_id(id);
  return service + "." + id;
}

}  // namespace

struct KafkaBroker::Impl {
  std::shared_ptr<Logger> logger;
  NativeOptions client_options;
  std::shared_ptr<kafka::KafkaLogin const> login;  // null: the configuration has user and password
  std::shared_ptr<kafka::KafkaProducer> producer;

  [[nodiscard]] Result<std::shared_ptr<rd_kafka_t>> client() const {
    auto handle = producer->client();
    if (!handle) return Error{Errc::kClosed, "the broker is closed"};
    return handle;
  }
};

Result<std::unique_ptr<KafkaBroker>> KafkaBroker::open(Config config, OpenOptions options) {
  auto checked = check_open(config, std::move(options));
  if (!checked) return std::move(checked).error();
  auto const url = parse_broker_url(config.broker);
  if (!url) return url.error();
  if (url->scheme != BrokerUrl::Scheme::kKafka && url->scheme != BrokerUrl::Scheme::kKafkas) {
    return Error{Errc::kInvalidConfig, "KafkaBroker opens kafka:// and kafkas:// URLs only (broker)"};
  }
  auto const deadline = Clock::now() + config.connection.connect_timeout;
  auto const desk = make_credentials_desk(config, *checked);
  auto client = kafka::client_options(config, *url, desk != nullptr);
  if (!client) return std::move(client).error();
  auto const login = make_login(desk, *client, url->user, checked->logger);
  kafka::ProducerSetup setup;
  setup.make_conf = [client = *client, config, login] { return make_producer_conf(client, config, login); };
  setup.resends = config.publish.unconfirmed == OnUnconfirmed::kResend;
  setup.backoff = {config.connection.backoff_initial, config.connection.backoff_max};
  std::unique_ptr<KafkaBroker> broker(new KafkaBroker(std::move(config), *std::move(checked), kafka_capabilities()));
  setup.window = broker->window().shared_from_this();
  setup.logger = broker->impl_->logger;
  auto producer = kafka::KafkaProducer::open(std::move(setup));
  if (!producer) return std::move(producer).error();
  broker->impl_->client_options = *std::move(client);
  broker->impl_->login = login;
  broker->impl_->producer = *std::move(producer);
  if (auto connected = broker->impl_->producer->wait_connected(kafka::addresses_of(*url), deadline); !connected) {
    return std::move(connected).error();
  }
  return broker;
}

KafkaBroker::KafkaBroker(Config config, OpenOptions options, Capabilities capabilities)
    : Broker(std::move(config), options, capabilities), impl_(std::make_unique<Impl>()) {
  impl_->logger = std::move(options.logger);
}

KafkaBroker::~KafkaBroker() {
  if (!close_in_destructor()) keep_for_ever(std::move(impl_));
}

Result<void> KafkaBroker::do_declare(DestinationPlan const& plan, Clock::time_point deadline) {
  auto const client = impl_->client();
  if (!client) return client.error();
  if (is_retry_at_once(plan)) {
    auto const destination = plan_destination(config(), plan.destination);
    return destination ? do_declare(*destination, deadline) : destination.error();
  }
  if (plan.config.declare) {
    auto const wanted = as_wide_as_its_destination(client->get(), plan, deadline);
    if (!wanted) return wanted.error();
    return kafka::declare_topic(client->get(), *wanted, *impl_->logger, deadline);
  }
  if (auto found = kafka::count_partitions(client->get(), plan, deadline); !found) return std::move(found).error();
  return {};
}

Result<std::unique_ptr<Sink>> KafkaBroker::do_open_sink(DestinationPlan const& plan, Clock::time_point deadline) {
  auto const client = impl_->client();
  if (!client) return client.error();
  auto const partitions = kafka::count_partitions(client->get(), plan, deadline);
  if (!partitions) return partitions.error();
  auto ready = kafka::wait_for_leaders(client->get(), kafka::topic_of(plan), *partitions, deadline);
  if (!ready) return std::move(ready).error();
  auto topic = impl_->producer->topic(kafka::topic_of(plan));
  if (!topic) return std::move(topic).error();
  std::unique_ptr<Sink> sink = std::make_unique<KafkaSink>(impl_->producer, **topic);
  if (plan.kind == DestinationPlan::Kind::kRetry) sink = std::make_unique<RetrySink>(std::move(sink), plan);
  return sink;
}

Result<std::unique_ptr<Source>> KafkaBroker::do_open_source(SourceSpec const& spec, Intake& intake,
                                                            Clock::time_point deadline) {
  auto const client = impl_->client();
  if (!client) return client.error();
  auto const partitions = kafka::count_partitions(client->get(), spec.destination, deadline);
  if (!partitions) return partitions.error();

  kafka::SourceSetup setup;
  setup.has_group = !spec.group.name.empty();
  auto const group = setup.has_group ? spec.group.name : group_of_its_own(config().service);
  for (auto const& retry : spec.retries) setup.retries.push_back({kafka::topic_of(retry), retry.delay});
  setup.options = kafka::consumer_options(impl_->client_options, group, !setup.retries.empty());
  setup.login = impl_->login;
  auto credentials = add_credentials(setup.options, impl_->login.get(), deadline);
  if (!credentials) return std::move(credentials).error();
  setup.credentials = *std::move(credentials);
  setup.topic = kafka::topic_of(spec.destination);
  setup.partitions = *partitions;
  setup.start = spec.config.start;
  setup.settle = spec.config.settle;
  setup.backoff = {config().connection.backoff_initial, config().connection.backoff_max};
  setup.logger = impl_->logger;
  auto source = kafka::KafkaSource::open(std::move(setup), intake, deadline);
  if (!source) return std::move(source).error();
  return std::unique_ptr<Source>(*std::move(source));
}

BrokerHealth KafkaBroker::do_health() const { return impl_->producer->health(); }

Result<void> KafkaBroker::do_close(Clock::time_point deadline) {
  if (!impl_->producer) return {};  // opening failed
  return impl_->producer->close(deadline);
}

}  // namespace fairlead
