#include <fairlead/broker.hpp>

#include "broker/broker_core.hpp"
#include "config/plan.hpp"
#include "core/ids.hpp"
#include "core/text.hpp"
#include "observe/logging.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

Error closed_error() { return {Errc::kClosed, "the broker is closed"}; }

Error own_thread_error(char const* call) {
  return {Errc::kInvalidArgument,
          std::string(call) + " waits for handlers and completions and must not be called from one"};
}

Error setup_timeout() {
  return {Errc::kTimeout, "another set-up of this broker took longer than connection.connect_timeout", true};
}

}  // namespace

Broker::Broker(Config config, std::shared_ptr<Logger> logger, Capabilities capabilities)
    : core_(std::make_unique<BrokerCore>(std::move(config), std::move(logger), capabilities)) {}

Broker::~Broker() = default;

Config const& Broker::config() const noexcept { return core_->config; }
Logger& Broker::logger() const noexcept { return *core_->logger; }
ConfirmWindow& Broker::window() const noexcept { return *core_->window; }
Capabilities const& Broker::capabilities() const noexcept { return core_->capabilities; }

Result<void> Broker::declare(std::string_view destination) {
  auto const deadline = Clock::now() + core_->config.connection.connect_timeout;
  std::unique_lock const setup(core_->setup, deadline);
  if (!setup) return setup_timeout();
  if (core_->closed) return closed_error();
  auto plan = plan_destination(core_->config, destination);
  if (!plan) return std::move(plan).error();
  return do_declare(*plan, deadline);
}

Result<std::shared_ptr<Sink>> Broker::sink(DestinationPlan const& plan, Clock::time_point deadline) {
  if (auto const found = core_->sinks.find(plan.name); found != core_->sinks.end()) return found->second;
  if (plan.config.declare) {
    if (auto declared = do_declare(plan, deadline); !declared) return std::move(declared).error();
  }
  auto opened = do_open_sink(plan, deadline);
  if (!opened) return std::move(opened).error();
  return core_->sinks[plan.name] = *std::move(opened);
}

Result<Publisher> Broker::publisher(std::string_view destination) {
  auto const deadline = Clock::now() + core_->config.connection.connect_timeout;
  std::unique_lock const setup(core_->setup, deadline);
  if (!setup) return setup_timeout();
  if (core_->closed) return closed_error();
  if (auto const found = core_->publishers.find(destination); found != core_->publishers.end()) {
    return Publisher(found->second);
  }
  auto const plan = plan_destination(core_->config, destination);
  if (!plan) return plan.error();
  auto opened = sink(*plan, deadline);
  if (!opened) return std::move(opened).error();
  auto core = std::make_shared<PublisherCore>(PublisherSetup{plan->name, plan->config.message_ids, plan->config.trace,
                                                             core_->config.publish, core_->capabilities, core_->logger,
                                                             core_->window, *std::move(opened)});
  core_->publishers.emplace(plan->name, core);
  return Publisher(std::move(core));
}

Result<Subscription> Broker::subscribe(std::string_view subscription, Handler handler) {
  if (!handler) return Error{Errc::kInvalidArgument, "subscribe needs a handler"};
  auto const deadline = Clock::now() + core_->config.connection.connect_timeout;
  std::unique_lock const setup(core_->setup, deadline);
  if (!setup) return setup_timeout();
  if (core_->closed) return closed_error();

  auto const configured = core_->config.subscriptions.find(subscription);
  if (configured == core_->config.subscriptions.end()) {
    std::vector<std::string> names;
    for (auto const& [name, unused] : core_->config.subscriptions) names.push_back(name);
    return Error{Errc::kUnknownDestination, "subscription '" + std::string(subscription) +
                                                "' is not in the configuration" + did_you_mean(subscription, names)};
  }
  auto plan = plan_destination(core_->config, configured->second.destination);
  if (!plan) return std::move(plan).error();

  SubscriptionSetup parts;
  parts.spec.subscription = configured->first;
  parts.spec.destination = *plan;
  parts.spec.config = configured->second;
  parts.spec.group.ordering = configured->second.ordering;
  parts.spec.group.dead_letter = configured->second.dead_letter;
  parts.spec.group.name = configured->second.group;
  for (auto const& group : plan->groups) {
    if (group.name == configured->second.group) parts.spec.group = group;
  }
  if (!parts.spec.group.bindings.empty() && !core_->capabilities.routing_patterns) {
    return Error{Errc::kUnsupported, "bindings: " + std::string(core_->capabilities.routing_patterns.reason)};
  }
  if (plan->config.declare) {
    if (auto declared = do_declare(*plan, deadline); !declared) return std::move(declared).error();
  }
  bool const keeps_dead_letters = configured->second.dead_letter && !configured->second.group.empty() &&
                                  plan->kind == DestinationPlan::Kind::kDestination;
  if (keeps_dead_letters) {
    auto dead_letters = plan_destination(core_->config, dead_letter_name(plan->name, configured->second.group));
    if (!dead_letters) return std::move(dead_letters).error();
    auto opened = sink(*dead_letters, deadline);
    if (!opened) return std::move(opened).error();
    parts.dead_letter = *std::move(opened);
  }
  parts.handler = std::move(handler);
  parts.logger = core_->logger;
  parts.window = core_->window;
  parts.publish = core_->config.publish;
  parts.trace = plan->config.trace;
  parts.close_timeout = core_->config.connection.close_timeout;
  parts.seed = random_bits();

  auto core = SubscriptionCore::make(parts);
  auto source = do_open_source(parts.spec, core->intake(), deadline);
  if (!source) return std::move(source).error();
  if (auto attached = core->attach(*std::move(source)); !attached) return std::move(attached).error();
  core_->add(core);
  return Subscription(std::move(core));
}

Result<void> Broker::flush(std::chrono::milliseconds timeout) {
  if (core_->window->is_completing()) return own_thread_error("flush");
  if (core_->window->flush(Clock::now() + timeout)) return {};
  return Error{Errc::kTimeout, "publishes were still without an answer when the flush timed out", true};
}

Result<void> Broker::drain(std::chrono::milliseconds timeout) {
  if (core_->is_own_thread()) return own_thread_error("drain");
  auto const deadline = Clock::now() + timeout;
  auto const running = core_->subscriptions();
  for (auto const& subscription : running) subscription->stop_intake();
  Result<void> outcome;
  for (auto const& subscription : running) {
    if (auto drained = subscription->drain(deadline); !drained) outcome = std::move(drained);
  }
  if (!core_->window->flush(deadline) && outcome) {
    outcome = Error{Errc::kTimeout, "publishes were still without an answer at the deadline of the drain", true};
  }
  return outcome;
}

Result<void> Broker::close(std::chrono::milliseconds timeout) {
  if (core_->is_own_thread()) return own_thread_error("close");
  auto const now = Clock::now();
  auto const deadline = now + timeout;
  auto const grace = std::min<std::chrono::milliseconds>(timeout / 5, std::chrono::seconds(2));
  std::lock_guard const closing(core_->closing);
  if (core_->closed.exchange(true)) return {};

  // Handlers and publishes get the time up to `deadline - grace`; the rest is for disconnecting.
  Result<void> outcome;
  auto const running = core_->subscriptions();
  for (auto const& subscription : running) subscription->stop_intake();
  for (auto const& subscription : running) {
    if (auto stopped = subscription->stop(deadline - grace); !stopped) outcome = std::move(stopped);
  }
  core_->window->close();
  if (!core_->window->flush(deadline - grace) && outcome) {
    outcome = Error{Errc::kTimeout, "publishes were still without an answer at the deadline of the close", true};
  }
  {
    std::unique_lock const setup(core_->setup, deadline);  // lets a set-up on another thread end first
    if (auto disconnected = do_close(deadline); !disconnected) outcome = std::move(disconnected);
  }
  core_->window->abandon_all();
  if (!core_->completions.finish(std::max(deadline, Clock::now() + std::chrono::milliseconds(10))) && outcome) {
    outcome = Error{Errc::kTimeout, "a publish completion was still running at the deadline of the close"};
  }
  LogFields fields;
  fields.add(log_field::kDuration, Clock::now() - now);
  if (!outcome) fields.add(outcome.error());
  log(*core_->logger, outcome ? LogLevel::kInfo : LogLevel::kWarn, "connection", "closed", fields.view());
  return outcome;
}

void Broker::close_in_destructor() noexcept {
  try {
    (void)close(core_->config.connection.close_timeout);
  } catch (...) {
    // Out of memory while closing: the backend's own destructor releases what is left.
  }
}

}  // namespace fairlead
