#include "consume/worker.hpp"

#include "consume/handler_scope.hpp"
#include "observe/trace.hpp"

#include <optional>
#include <utility>

namespace fairlead {

Worker::Worker(std::shared_ptr<Consumption> consumption, WorkerSlot& slot, std::uint64_t seed)
    : consumption_(std::move(consumption)), slot_(slot), chain_(*consumption_, seed) {}

void Worker::run() {
  while (consumption_->exchange(slot_)) {
    chain_.begin_batch();
    while (Inbound* const message = slot_.batch.claim()) slot_.batch.conclude(work_on(*message));
  }
}

Conclusion Worker::work_on(Inbound& message) {
  if (auto const done = chain_.before(message, slot_.permits)) return *done;
  auto const started = chain_.records_success() ? Clock::now() : Clock::time_point{};
  message.context = &slot_.context;
  slot_.watch.begin(message);
  Outcome outcome;
  {
    HandlerScope const scope(*consumption_);
    TraceScope const trace(message.trace);
    outcome = guarded([&] { return consumption_->setup().handler(Delivery(message)); });
  }
  if (slot_.watch.end()) {
    consumption_->renew_stop(slot_);
    if (outcome.kind == Outcome::Kind::kAck) outcome = overran();
  }
  message.context = nullptr;
  std::optional<Clock::duration> duration;
  if (chain_.records_success()) duration = Clock::now() - started;
  return chain_.after(message, std::move(outcome), duration);
}

}  // namespace fairlead
