#include "consume/batch_worker.hpp"

#include "consume/handler_scope.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace fairlead {

namespace {

constexpr std::chrono::hours kForever{1};  // pull again then

std::vector<Outcome> the_same_for_all(std::size_t count, std::string const& reason) {
  std::vector<Outcome> outcomes;
  for (std::size_t i = 0; i < count; ++i) outcomes.push_back(retry(reason));
  return outcomes;
}

}  // namespace

BatchWorker::BatchWorker(std::shared_ptr<Consumption> consumption, WorkerSlot& slot, std::uint64_t seed)
    : consumption_(std::move(consumption)),
      slot_(slot),
      chain_(*consumption_, seed),
      size_(static_cast<std::size_t>(std::min(consumption_->setup().spec.config.batch.messages,
                                              consumption_->setup().spec.config.max_in_flight))) {}

void BatchWorker::run() {
  while (!consumption_->is_ended()) {
    collect();
    if (batch_.empty()) continue;
    if (consumption_->is_paused() || consumption_->is_ended()) {
      put_back();
      continue;
    }
    auto const started = Clock::now();
    auto outcomes = handle();
    auto const duration = Clock::now() - started;
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      batch_[i].message->context = nullptr;
      consumption_->settle_pulled(batch_[i], chain_.after(*batch_[i].message, std::move(outcomes[i]), duration));
    }
  }
}

void BatchWorker::collect() {
  batch_.clear();
  messages_.clear();
  chain_.begin_batch();
  auto deadline = Clock::now() + kForever;
  while (batch_.size() < size_) {
    auto const pulled = consumption_->pull(deadline, !batch_.empty());
    if (pulled.message == nullptr) return;
    if (auto const done = chain_.before(*pulled.message, pulled.permits)) {
      consumption_->settle_pulled(pulled, *done);
      continue;
    }
    if (batch_.empty()) deadline = Clock::now() + consumption_->setup().spec.config.batch.wait;
    batch_.push_back(pulled);
    messages_.push_back(pulled.message);
    if (pulled.permits.is_probe()) return;  // nothing else may begin before it is known how it went
  }
}

void BatchWorker::put_back() {
  for (auto const& pulled : batch_) consumption_->settle_pulled(pulled, chain_.not_begun(*pulled.message));
}

std::vector<Outcome> BatchWorker::handle() {
  auto const& setup = consumption_->setup();
  auto& last = batch_.back();  // the only one that can be a probe
  bool const is_probe = last.permits.is_probe();
  if (is_probe) consumption_->lend(slot_, last.permits);
  slot_.context.deadline = Clock::now() + setup.spec.config.timeout;
  for (auto const& pulled : batch_) pulled.message->context = &slot_.context;
  slot_.watch.begin(*batch_.front().message);
  std::vector<Outcome> outcomes;
  {
    HandlerScope const scope(*consumption_);
    try {
      outcomes = setup.batch_handler(DeliveryBatch(messages_));
      if (outcomes.size() != batch_.size()) {
        outcomes =
            the_same_for_all(batch_.size(), "the batch handler answered with " + std::to_string(outcomes.size()) +
                                                " outcomes for " + std::to_string(batch_.size()) + " messages");
      }
    } catch (std::exception const& error) {
      outcomes = the_same_for_all(batch_.size(), error.what());
    } catch (...) {
      outcomes = the_same_for_all(batch_.size(), "the batch handler threw something that is not a std::exception");
    }
  }
  if (slot_.watch.end()) {
    consumption_->renew_stop(slot_);
    if (is_probe) last.permits = {};  // it was given up
    for (auto& outcome : outcomes) {
      if (outcome.kind == Outcome::Kind::kAck) outcome = overran();
    }
  }
  if (is_probe) consumption_->lend(slot_, {});
  return outcomes;
}

}  // namespace fairlead
