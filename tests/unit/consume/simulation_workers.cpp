#include "consume/retry_decision.hpp"
#include "unit/consume/simulation.hpp"

#include <algorithm>
#include <utility>

// What Consumption and Worker do with a Backlog, one step at a time.
namespace fairlead::simulation {

void History::work(Worker& worker) {
  if (worker.current != nullptr) return worker.batch.conclude({work_on(*std::exchange(worker.current, nullptr))});
  worker.current = static_cast<Node*>(worker.batch.claim());
  if (worker.current == nullptr) return exchange(worker);
  --worker.unclaimed;
  say("begin ", name_of(*worker.current), " attempt ", worker.current->attempt);
  model_.begin(*worker.current);
}

void History::exchange(Worker& worker) {
  collect(worker);
  worker.batch.restart(now_);
  backlog_.take(1 + pick(4), worker.batch);
  worker.unclaimed = worker.batch.size();
  check();
}

void History::collect(Worker& worker) {
  worker.batch.collect([&](Inbound& message, Conclusion conclusion) {
    auto& node = static_cast<Node&>(message);
    if (conclusion.fate == Fate::kElsewhere) return;
    if (conclusion.fate == Fate::kRetry) return park(node, message.due);
    if (conclusion.fate == Fate::kLater) return park(node, now_ + std::chrono::milliseconds(pick(50)));
    say("done ", name_of(node));
    model_.finish(node);
    backlog_.finish(message, effects_);
  });
}

void History::relieve(Worker& worker) {
  backlog_.give_back(worker.batch);
  worker.unclaimed = 0;
  collect(worker);
}

void History::relieve_all() {
  for (auto& worker : workers_) relieve(worker);
  check();
}

Fate History::work_on(Node& node) {
  if (node.step == Step::kForward) return forward(node);
  Outcome outcome;
  if (chance(trouble_)) {
    outcome = chance(20) ? reject("no") : chance(50) ? retry() : retry(std::chrono::milliseconds(pick(30)));
  }
  auto const decision = decide_retry(std::move(outcome), node.attempt, retry_, keeps_dead_letters_, random_);
  switch (decision.kind) {
    case RetryDecision::Kind::kDone: return Fate::kHandled;
    case RetryDecision::Kind::kDrop: return Fate::kDropped;
    case RetryDecision::Kind::kRetry:
      require(static_cast<int>(node.attempt) < retry_.max_attempts, "no message is handled more often than allowed");
      ++node.attempt;
      node.due = now_ + decision.delay;
      return Fate::kRetry;
    case RetryDecision::Kind::kTier:
    case RetryDecision::Kind::kDeadLetter: break;
  }
  node.step = Step::kForward;
  return forward(node);
}

Fate History::forward(Node& node) {
  if (chance(trouble_)) return Fate::kLater;  // the publish window is full
  say("on its way elsewhere ", name_of(node));
  dead_letters_.push_back(&node);
  return Fate::kElsewhere;
}

void History::end_dead_letter() {
  if (dead_letters_.empty()) return;
  auto const chosen = dead_letters_.begin() + static_cast<std::ptrdiff_t>(pick(dead_letters_.size()));
  Node& node = **chosen;
  dead_letters_.erase(chosen);
  if (chance(trouble_)) return park(node, now_ + std::chrono::milliseconds(pick(50)));
  say("confirmed ", name_of(node));
  model_.finish(node);
  backlog_.finish(node, effects_);
}

void History::park(Node& node, Backlog::Clock::time_point due) {
  auto const name = story_ != nullptr ? name_of(node) : std::string();
  auto const& of = lane(node.lane.id);
  bool const is_closing = of.is_closing && model_.is_current(node);
  bool const was_kept = backlog_.park(node, due, effects_);
  say(was_kept ? "park " : "leave to the broker ", name);
  model_.park(node, was_kept);
  check();
  if (!was_kept && is_closing && is_all_begun()) model_.check_closed(of);
}

bool History::is_all_begun() const noexcept {
  return std::all_of(workers_.begin(), workers_.end(), [](Worker const& worker) { return worker.unclaimed == 0; });
}

void History::let_time_pass() {
  now_ += std::chrono::milliseconds(pick(60));
  backlog_.release_due(now_);
  model_.release_due(now_);
  auto const next = backlog_.next_due();
  require(!next || *next > now_, "nothing stays parked past its time");
}

}  // namespace fairlead::simulation
