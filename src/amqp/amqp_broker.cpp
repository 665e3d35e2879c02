#include <fairlead/amqp_broker.hpp>

#include "amqp/amqp_sink.hpp"
#include "amqp/amqp_source.hpp"
#include "amqp/connection.hpp"
#include "amqp/connection_settings.hpp"
#include "amqp/declare_channel.hpp"
#include "amqp/publish_channel.hpp"
#include "amqp/topology.hpp"
#include "broker/open_checks.hpp"
#include "config/broker_url.hpp"
#include "core/process_mark.hpp"
#include "publish/confirm_window.hpp"

#include <mutex>
#include <utility>

namespace fairlead {

namespace {

using TimePoint = std::chrono::steady_clock::time_point;

Capabilities amqp_capabilities() {
  Capabilities can;
  can.system = "rabbitmq";
  can.key_order = {Support::kEmulated, "each partition is a queue with a single active consumer"};
  can.spread_by_partition = {
      Support::kImpossible,
      "the member that came first is the active consumer of every partition, the others stand by"};
  can.priority = {Support::kNative, "needs `amqp.queue_type: classic`"};
  can.kept_without_group = {Support::kImpossible,
                            "RabbitMQ keeps messages in the queues of groups: list the groups in "
                            "the destination's `groups`"};
  can.replay = {Support::kImpossible, "RabbitMQ's queues forget what was acknowledged"};
  can.receipts_with_position = {Support::kImpossible, "RabbitMQ confirms a message without telling where it is"};
  can.default_window_messages = 2'000;
  return can;
}

}  // namespace

/// Publishing and consuming have a connection each, because a broker in alarm stops reading from connections that
/// publish. The first one is opened with the broker, and serves whatever is asked for first.
struct AmqpBroker::Impl {
  amqp::ConnectionSettings settings;
  std::mutex mutex;
  std::unique_ptr<amqp::Connection> first;
  std::unique_ptr<amqp::Connection> second;
  amqp::Connection* publishing = nullptr;
  amqp::Connection* consuming = nullptr;
  std::shared_ptr<amqp::PublishChannel> publish_channel;

  amqp::Connection& connection_for(amqp::Connection*& role, Logger& logger) {
    if (role != nullptr) return *role;
    bool const is_first_free = publishing == nullptr && consuming == nullptr;
    if (!is_first_free) second = std::make_unique<amqp::Connection>(settings, logger);
    return *(role = is_first_free ? first.get() : second.get());
  }
};

Result<std::unique_ptr<AmqpBroker>> AmqpBroker::open(Config config, OpenOptions options) {
  auto const deadline = std::chrono::steady_clock::now() + config.connection.connect_timeout;
  auto checked = check_open(config, std::move(options));
  if (!checked) return std::move(checked).error();
  auto const url = parse_broker_url(config.broker);
  if (!url) return url.error();
  if (url->scheme != BrokerUrl::Scheme::kAmqp && url->scheme != BrokerUrl::Scheme::kAmqps) {
    return Error{Errc::kInvalidConfig, "AmqpBroker opens amqp:// and amqps:// URLs only (broker)", false, false, 0};
  }
  auto settings = amqp::connection_settings(config, *url);
  if (!settings) return std::move(settings).error();
  if (!settings->sasl_external) settings->credentials = make_credentials_desk(config, *checked);
  std::unique_ptr<AmqpBroker> broker(new AmqpBroker(std::move(config), *std::move(checked), amqp_capabilities()));
  broker->impl_->settings = *std::move(settings);
  broker->impl_->first = std::make_unique<amqp::Connection>(broker->impl_->settings, broker->logger());
  if (auto opened = broker->impl_->first->wait_open(deadline); !opened) return std::move(opened).error();
  return broker;
}

AmqpBroker::AmqpBroker(Config config, OpenOptions options, Capabilities capabilities)
    : Broker(std::move(config), std::move(options), capabilities), impl_(std::make_unique<Impl>()) {}

AmqpBroker::~AmqpBroker() {
  if (!close_in_destructor()) keep_for_ever(std::move(impl_));
}

Result<void> AmqpBroker::do_declare(DestinationPlan const& plan, TimePoint deadline) {
  if (auto checked = amqp::check_plan(plan); !checked) return checked;
  return amqp::run_script(*impl_->first, amqp::declare_destination(plan), deadline);
}

Result<std::unique_ptr<Sink>> AmqpBroker::do_open_sink(DestinationPlan const& plan, TimePoint deadline) {
  if (auto checked = amqp::check_plan(plan); !checked) return std::move(checked).error();
  std::shared_ptr<amqp::PublishChannel> channel;
  bool is_new = false;
  amqp::Connection* connection = nullptr;
  {
    std::lock_guard const lock(impl_->mutex);
    connection = &impl_->connection_for(impl_->publishing, logger());
    is_new = impl_->publish_channel == nullptr;
    if (is_new) {
      auto const configured = static_cast<std::size_t>(config().publish.window_messages);
      auto const in_flight = configured != 0 ? configured : capabilities().default_window_messages;
      impl_->publish_channel = std::make_shared<amqp::PublishChannel>(
          window().shared_from_this(), connection->mailbox(), in_flight, config().publish.unconfirmed);
      window().set_unsent(impl_->publish_channel);
    }
    channel = impl_->publish_channel;
  }
  if (!plan.config.declare) {
    // Nothing is created, so what is missing must be told here and not with the first publish.
    auto exists = amqp::run_script(*connection, amqp::declare_destination(plan), deadline);
    if (!exists) return std::move(exists).error();
  }
  auto const attached = std::make_shared<amqp::Waiter>();
  auto declaration = plan.config.declare ? amqp::declare_destination(plan) : amqp::Script{};
  bool const taken = connection->mailbox()->post(
      [channel, attached, is_new, name = plan.name, declaration = std::move(declaration)](amqp::Connection& io) {
        channel->remember(name, declaration);
        attached->set(is_new ? channel->start(io) : Result<void>{});
      });
  if (!taken) return Error{Errc::kClosed, "the broker object was closed", false, false, 0};
  auto const result = attached->wait_until(deadline);
  if (!result) return Error{Errc::kTimeout, "the connection's thread did not answer in time", true, false, 0};
  if (!*result) return result->error();
  return std::unique_ptr<Sink>(std::make_unique<amqp::AmqpSink>(plan, std::move(channel)));
}

Result<std::unique_ptr<Source>> AmqpBroker::do_open_source(SourceSpec const& spec, Intake& intake, TimePoint deadline) {
  if (spec.destination.kind == DestinationPlan::Kind::kRetry) {
    return Error{Errc::kUnsupported, "'" + spec.destination.name + "' is read by the subscriptions of its own group",
                 false, false, 0};
  }
  if (auto checked = amqp::check_plan(spec.destination); !checked) return std::move(checked).error();
  amqp::Connection* connection = nullptr;
  {
    std::lock_guard const lock(impl_->mutex);
    connection = &impl_->connection_for(impl_->consuming, logger());
  }
  auto source = amqp::AmqpSource::open(*connection, spec, intake, deadline);
  if (!source) return std::move(source).error();
  return std::unique_ptr<Source>(*std::move(source));
}

BrokerHealth AmqpBroker::do_health() const {
  std::lock_guard const lock(impl_->mutex);
  auto health = impl_->first->health();
  if (!impl_->second) return health;
  auto other = impl_->second->health();
  auto const reconnects = health.reconnects + other.reconnects;
  auto const badness = [](BrokerHealth const& one) {
    return one.state == ConnectionState::kConnecting ? 2 : one.state == ConnectionState::kBlocked ? 1 : 0;
  };
  if (badness(other) > badness(health)) health = std::move(other);
  health.reconnects = reconnects;
  return health;
}

Result<void> AmqpBroker::do_close(TimePoint deadline) {
  std::lock_guard const lock(impl_->mutex);
  if (impl_->publish_channel) impl_->publish_channel->shut();
  // One after the other, so that both goodbyes fit into the time there is.
  auto const now = std::chrono::steady_clock::now();
  if (impl_->second) impl_->second->close(now + (deadline - now) / 2);
  if (impl_->first) impl_->first->close(deadline);
  return {};
}

}  // namespace fairlead
