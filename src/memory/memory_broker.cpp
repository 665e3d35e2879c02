#include <fairlead/memory_broker.hpp>

#include "broker/open_checks.hpp"
#include "config/broker_url.hpp"
#include "config/plan.hpp"
#include "core/gate.hpp"
#include "core/process_mark.hpp"
#include "memory/source.hpp"
#include "memory/store.hpp"
#include "publish/confirm_window.hpp"
#include "publish/retry_sink.hpp"
#include "publish/sink.hpp"

#include <fairlead/logger.hpp>

#include <utility>
#include <vector>

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
  Gate gate;
};

class MemorySink final : public Sink {
 public:
  MemorySink(std::shared_ptr<Door> door, Log& log) : door_(std::move(door)), log_(log) {}

  Result<void> publish(Outbound const& message, PendingPublish& pending) override {
    auto record = Record::make(message);
    if (!door_->gate.enter()) return Error{Errc::kClosed, "the broker is closed"};
    auto const place = door_->store->append(log_, std::move(record));
    if (place) {
      CompletionBatch answers;
      answers.confirm(pending, place->partition, place->position);
      door_->window->complete(answers);
    }
    door_->gate.leave();
    return place ? Result<void>() : place.error();
  }

 private:
  std::shared_ptr<Door> const door_;
  Log& log_;
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
  if (!store) return std::move(store).error();
  std::unique_ptr<MemoryBroker> broker(new MemoryBroker(std::move(config), *std::move(checked), memory_capabilities()));
  broker->impl_->door->store = *std::move(store);
  broker->impl_->door->window = broker->window().shared_from_this();
  return broker;
}

MemoryBroker::MemoryBroker(Config config, OpenOptions options, Capabilities capabilities)
    : Broker(std::move(config), std::move(options), capabilities), impl_(std::make_unique<Impl>()) {}

MemoryBroker::~MemoryBroker() {
  if (!close_in_destructor()) keep_for_ever(std::move(impl_));
}

Result<void> MemoryBroker::do_declare(DestinationPlan const& plan, std::chrono::steady_clock::time_point) {
  if (!is_retry_at_once(plan)) return impl_->door->store->declare(plan);
  auto const destination = plan_destination(config(), plan.destination);
  return destination ? impl_->door->store->declare(*destination) : destination.error();
}

Result<std::unique_ptr<Sink>> MemoryBroker::do_open_sink(DestinationPlan const& plan,
                                                         std::chrono::steady_clock::time_point) {
  auto const& place = is_retry_at_once(plan) ? plan.destination : plan.name;
  Log* const log = impl_->door->store->find(place);
  if (log == nullptr) return unknown(place);
  std::unique_ptr<Sink> sink = std::make_unique<MemorySink>(impl_->door, *log);
  if (plan.kind == DestinationPlan::Kind::kRetry) sink = std::make_unique<RetrySink>(std::move(sink), plan);
  return sink;
}

Result<std::unique_ptr<Source>> MemoryBroker::do_open_source(SourceSpec const& spec, Intake& intake,
                                                             std::chrono::steady_clock::time_point) {
  std::vector<Log*> logs{impl_->door->store->find(spec.destination.name)};
  if (logs.front() == nullptr) return unknown(spec.destination.name);
  for (auto const& retry : spec.retries) {
    logs.push_back(impl_->door->store->find(retry.name));
    if (logs.back() == nullptr) return unknown(retry.name);
  }
  return std::unique_ptr<Source>(std::make_unique<MemorySource>(impl_->door->store, std::move(logs), spec, intake));
}

BrokerHealth MemoryBroker::do_health() const { return {ConnectionState::kConnected}; }

Result<void> MemoryBroker::do_close(std::chrono::steady_clock::time_point) {
  impl_->door->gate.close();
  return {};
}

}  // namespace fairlead
