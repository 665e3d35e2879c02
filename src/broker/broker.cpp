#include <fairlead/broker.hpp>

#include "broker/broker_core.hpp"
#include "config/plan.hpp"
#include "core/deadline.hpp"
#include "core/ids.hpp"
#include "core/text.hpp"
#include "observe/logging.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

using Clock = std::chrono::steady_clock;

// What a close that is out of time still gives the completions of what it abandoned.
constexpr std::chrono::milliseconds kLastCompletions{10};

Error closed_error() { return {Errc::kClosed, "the broker is closed"}; }

Error own_thread_error(char const* call) {
  return {Errc::kInvalidArgument,
          std::string(call) + " waits for handlers and completions and must not be called from one"};
}

Error setup_timeout() {
  return {Errc::kTimeout, "another set-up of this broker took longer than connection.connect_timeout", true};
}

/// What a subscription of the configuration asks for, after checking that this broker can do it.
Result<SourceSpec> plan_subscription(Config const& config, Capabilities const& capabilities, std::string_view name) {
  auto const found = config.subscriptions.find(name);
  if (found == config.subscriptions.end()) {
    std::vector<std::string> names;
    for (auto const& [configured, unused] : config.subscriptions) names.push_back(configured);
    return Error{Errc::kUnknownDestination,
                 "subscription '" + std::string(name) + "' is not in the configuration" + did_you_mean(name, names)};
  }
  auto const& subscription = found->second;
  auto plan = plan_destination(config, subscription.destination);
  if (!plan) return std::move(plan).error();
  SourceSpec spec{found->first, *std::move(plan), {}, subscription};
  spec.group.name = subscription.group;
  spec.group.ordering = subscription.ordering;
  spec.group.dead_letter = subscription.dead_letter;
  spec.group.tiers = subscription.retry.tiers;
  for (auto const& group : spec.destination.groups) {
    if (group.name == subscription.group) spec.group = group;
  }
  if (!spec.group.bindings.empty() && !capabilities.routing_patterns) {
    return Error{Errc::kUnsupported, "bindings: " + std::string(capabilities.routing_patterns.reason)};
  }
  if (spec.destination.kind == DestinationPlan::Kind::kDestination) {
    spec.retries = plan_retries(spec.destination, spec.group);
  } else if (!subscription.retry.tiers.empty()) {
    return Error{Errc::kUnsupported, "subscriptions." + std::string(name) +
                                         ".retry.tiers: dead letters and retries have no retries of their own"};
  }
  return spec;
}

bool keeps_dead_letters(SourceSpec const& spec) {
  return spec.config.dead_letter && !spec.group.name.empty() &&
         spec.destination.kind == DestinationPlan::Kind::kDestination;
}

}  // namespace

Broker::Broker(Config config, OpenOptions options, Capabilities capabilities)
    : core_(std::make_unique<BrokerCore>(std::move(config), std::move(options), capabilities)) {}

Broker::~Broker() {
  if (core_->process.is_foreign()) keep_for_ever(std::move(core_));
}

Config const& Broker::config() const noexcept { return core_->config; }
Logger& Broker::logger() const noexcept { return *core_->logger; }
ConfirmWindow& Broker::window() const noexcept { return *core_->window; }
Capabilities const& Broker::capabilities() const noexcept { return core_->capabilities; }

BrokerHealth Broker::health() const {
  if (core_->process.is_foreign()) return {ConnectionState::kClosed, used_after_fork("broker"), 0};
  if (core_->closed) return {ConnectionState::kClosed};
  return do_health();
}

Result<void> Broker::declare(std::string_view destination) {
  if (core_->process.is_foreign()) return used_after_fork("broker");
  auto const deadline = deadline_after(core_->config.connection.connect_timeout);
  std::unique_lock const setup(core_->setup, deadline);
  if (!setup) return setup_timeout();
  if (core_->closed) return closed_error();
  auto plan = plan_destination(core_->config, destination);
  if (!plan) return std::move(plan).error();
  if (auto declared = do_declare(*plan, deadline); !declared) return declared;
  for (auto const& group : plan->groups) {
    for (auto const& retry : plan_retries(*plan, group)) {
      if (auto declared = do_declare(retry, deadline); !declared) return declared;
    }
    if (!group.dead_letter) continue;
    auto const dead_letters = plan_destination(core_->config, dead_letter_name(plan->name, group.name));
    if (!dead_letters) return dead_letters.error();
    if (auto declared = do_declare(*dead_letters, deadline); !declared) return declared;
  }
  return {};
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
  if (core_->process.is_foreign()) return used_after_fork("broker");
  auto const deadline = deadline_after(core_->config.connection.connect_timeout);
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
  return start(subscription, std::move(handler), {});
}

Result<Subscription> Broker::subscribe_batch(std::string_view subscription, BatchHandler handler) {
  if (!handler) return Error{Errc::kInvalidArgument, "subscribe_batch needs a handler"};
  return start(subscription, {}, std::move(handler));
}

Result<Receiver> Broker::receiver(std::string_view subscription) {
  auto started = start(subscription, {}, {});
  if (!started) return std::move(started).error();
  return Receiver(*std::move(started));
}

Result<Subscription> Broker::start(std::string_view subscription, Handler handler, BatchHandler batch_handler) {
  if (core_->process.is_foreign()) return used_after_fork("broker");
  auto const deadline = deadline_after(core_->config.connection.connect_timeout);
  std::unique_lock const setup(core_->setup, deadline);
  if (!setup) return setup_timeout();
  if (core_->closed) return closed_error();
  auto spec = plan_subscription(core_->config, core_->capabilities, subscription);
  if (!spec) return std::move(spec).error();
  auto const& destination = spec->destination;
  if (destination.config.declare) {
    if (auto declared = do_declare(destination, deadline); !declared) return std::move(declared).error();
  }

  SubscriptionSetup parts;
  if (keeps_dead_letters(*spec)) {
    auto const dead_letters = plan_destination(core_->config, dead_letter_name(destination.name, spec->group.name));
    if (!dead_letters) return dead_letters.error();
    auto opened = sink(*dead_letters, deadline);
    if (!opened) return std::move(opened).error();
    parts.dead_letter = *std::move(opened);
  }
  for (auto const& retry : spec->retries) {
    auto opened = sink(retry, deadline);
    if (!opened) return std::move(opened).error();
    parts.retries.push_back(*std::move(opened));
  }
  parts.spec = *spec;
  parts.handler = std::move(handler);
  parts.batch_handler = std::move(batch_handler);
  if (auto deduplicator = core_->deduplicator(spec->config, destination.name, spec->group.name); deduplicator) {
    parts.deduplicator = *std::move(deduplicator);
  } else {
    return std::move(deduplicator).error();
  }
  parts.logger = core_->logger;
  parts.window = core_->window;
  parts.publish = core_->config.publish;
  parts.trace = destination.config.trace;
  parts.close_timeout = core_->config.connection.close_timeout;
  parts.seed = random_bits();

  auto core = SubscriptionCore::make(std::move(parts));
  auto source = do_open_source(*spec, core->intake(), deadline);
  if (!source) return std::move(source).error();
  if (auto attached = core->attach(*std::move(source)); !attached) return std::move(attached).error();
  core_->add(core);
  if (core_->closed) return closed_error();  // a close that could not wait any longer
  return Subscription(std::move(core));
}

Result<void> Broker::flush(std::chrono::milliseconds timeout) {
  if (core_->process.is_foreign()) return used_after_fork("broker");
  if (core_->window->is_completing()) return own_thread_error("flush");
  if (core_->window->flush(deadline_after(timeout))) return {};
  return Error{Errc::kTimeout, "publishes were still without an answer when the flush timed out", true};
}

Result<void> Broker::drain(std::chrono::milliseconds timeout) {
  if (core_->process.is_foreign()) return used_after_fork("broker");
  if (core_->is_own_thread()) return own_thread_error("drain");
  auto const deadline = deadline_after(timeout);
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
  if (core_->process.is_foreign()) return used_after_fork("broker");
  if (core_->is_own_thread()) return own_thread_error("close");
  auto const began = Clock::now();
  auto const deadline = deadline_after(timeout);
  std::unique_lock const closing(core_->closing, deadline);
  if (!closing) return Error{Errc::kTimeout, "another thread was still closing the broker at the deadline"};
  if (core_->closed.exchange(true)) return {};

  // Handlers and publishes get most of the time; the rest is for disconnecting.
  auto const settled_by = deadline - std::min<Clock::duration>((deadline - began) / 5, std::chrono::seconds(2));
  for (auto const& subscription : core_->subscriptions()) subscription->stop_intake();
  { std::unique_lock const setup(core_->setup, settled_by); }  // one that began earlier ends first
  Result<void> outcome;
  auto const running = core_->subscriptions();
  for (auto const& subscription : running) subscription->stop_intake();
  for (auto const& subscription : running) {
    if (auto stopped = subscription->stop(settled_by); !stopped) outcome = std::move(stopped);
  }
  core_->window->close();
  if (!core_->window->flush(settled_by) && outcome) {
    outcome = Error{Errc::kTimeout, "publishes were still without an answer at the deadline of the close", true};
  }
  if (auto disconnected = do_close(deadline); !disconnected) outcome = std::move(disconnected);
  core_->window->abandon_all();
  if (!core_->completions.finish(std::max(deadline, Clock::now() + kLastCompletions)) && outcome) {
    outcome = Error{Errc::kTimeout, "a publish completion was still running at the deadline of the close"};
  }
  LogFields fields;
  fields.add(log_field::kDuration, Clock::now() - began);
  if (!outcome) fields.add(outcome.error());
  log(*core_->logger, outcome ? LogLevel::kInfo : LogLevel::kWarn, "connection", "closed", fields.view());
  return outcome;
}

bool Broker::close_in_destructor() noexcept {
  if (core_->process.is_foreign()) return false;
  try {
    (void)close(core_->config.connection.close_timeout);
  } catch (...) {
    // Out of memory while closing: the backend's own destructor releases what is left.
  }
  return true;
}

}  // namespace fairlead
