#include <fairlead/memory_broker.hpp>

#include "broker/open_checks.hpp"
#include "config/broker_url.hpp"
#include "config/plan.hpp"
#include "memory/log.hpp"
#include "memory/source.hpp"
#include "publish/confirm_window.hpp"
#include "publish/sink.hpp"

#include <fairlead/logger.hpp>

#include <atomic>
#include <utility>

namespace fairlead {
namespace {

Capabilities memory_capabilities() {
  Capabilities can;
  can.system = "memory";
  can.priority = {Support::kImpossible, "the in-process broker delivers in publish order"};
  can.routing_patterns = {Support::kImpossible, "the in-process broker gives every group everything"};
  can.unroutable_detection = {Support::kImpossible, "the in-process broker keeps what no group has asked for yet"};
  can.authentication = {Support::kImpossible, "the in-process broker has no users"};
  can.survives_process_exit = {Support::kImpossible,
                               "the in-process broker keeps messages in the memory of the process"};
  can.default_window_messages = 10'000;
  return can;
}

/// Shared with the sinks, which may outlive the broker.
struct Door {
  std::shared_ptr<MemoryStore> store;
  std::shared_ptr<ConfirmWindow> window;
  std::atomic<bool> is_closed{false};
};

class MemorySink final : public Sink {
 public:
  MemorySink(std::shared_ptr<Door> door, std::string destination)
      : door_(std::move(door)), destination_(std::move(destination)) {}

  Result<void> publish(Outbound const& message, PendingPublish& pending) override {
    if (door_->is_closed.load(std::memory_order_acquire)) return Error{Errc::kClosed, "the broker is closed"};
    auto const appended = door_->store->append(destination_, message);
    if (!appended) return appended.error();
    CompletionBatch answers;
    answers.confirm(pending, appended->partition, appended->position);
    door_->window->complete(answers);
    return {};
  }

 private:
  std::shared_ptr<Door> const door_;
  std::string const destination_;
};

Error unknown(std::string const& name) {
  return {Errc::kUnknownDestination,
          "'" + name + "' does not exist, and its destination's `declare: false` forbids to create it"};
}

}  // namespace

struct MemoryBroker::Impl {
  std::shared_ptr<Door> door = std::make_shared<Door>();
};

Result<std::unique_ptr<MemoryBroker>> MemoryBroker::open(Config config, OpenOptions options) {
  auto checked = check_open(config, std::move(options));
  if (!checked) return std::move(checked).error();
  auto const url = parse_broker_url(config.broker);
  if (!url) return url.error();
  if (url->scheme != BrokerUrl::Scheme::kMemory) {
    return Error{Errc::kInvalidConfig, "MemoryBroker opens memory:// URLs only (broker)"};
  }
  auto store = MemoryStore::get(url->path, config.memory.max_bytes);
  std::unique_ptr<MemoryBroker> broker(
      new MemoryBroker(std::move(config), std::move(checked->logger), memory_capabilities()));
  broker->impl_->door->store = std::move(store);
  broker->impl_->door->window = broker->window().shared_from_this();
  return broker;
}

MemoryBroker::MemoryBroker(Config config, std::shared_ptr<Logger> logger, Capabilities capabilities)
    : Broker(std::move(config), std::move(logger), capabilities), impl_(std::make_unique<Impl>()) {}

MemoryBroker::~MemoryBroker() { close_in_destructor(); }

Result<void> MemoryBroker::do_declare(DestinationPlan const& plan, std::chrono::steady_clock::time_point) {
  return impl_->door->store->declare(plan);
}

Result<std::unique_ptr<Sink>> MemoryBroker::do_open_sink(DestinationPlan const& plan,
                                                         std::chrono::steady_clock::time_point) {
  if (!impl_->door->store->exists(plan.name)) return unknown(plan.name);
  return std::unique_ptr<Sink>(std::make_unique<MemorySink>(impl_->door, plan.name));
}

Result<std::unique_ptr<Source>> MemoryBroker::do_open_source(SourceSpec const& spec, Intake& intake,
                                                             std::chrono::steady_clock::time_point) {
  if (!impl_->door->store->exists(spec.destination.name)) return unknown(spec.destination.name);
  return std::unique_ptr<Source>(std::make_unique<MemorySource>(impl_->door->store, spec, intake));
}

Result<void> MemoryBroker::do_close(std::chrono::steady_clock::time_point) {
  impl_->door->is_closed.store(true, std::memory_order_release);
  return {};
}

}  // namespace fairlead
