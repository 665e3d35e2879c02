#include "consume/worker.hpp"

#include "consume/retry_decision.hpp"
#include "observe/trace.hpp"

#include <exception>
#include <utility>

namespace fairlead {

namespace {

thread_local Consumption const* current_consumption = nullptr;

bool is_expired(Inbound const& message) noexcept {
  if (message.expires_at_ms == 0) return false;
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  return message.expires_at_ms <= std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace

Worker::Worker(std::shared_ptr<Consumption> consumption, WorkerSlot& slot, std::uint64_t seed)
    : consumption_(std::move(consumption)), slot_(slot), random_(seed) {
  auto const& setup = consumption_->setup();
  if (setup.dead_letter) dead_letter_.emplace(setup.dead_letter, setup.window, setup.publish.deadline);
}

Consumption const* Worker::current() noexcept { return current_consumption; }

void Worker::run() {
  current_consumption = consumption_.get();
  while (consumption_->exchange(slot_)) {
    records_success_ = consumption_->log().records_success();
    while (Inbound* const message = slot_.batch.claim()) slot_.batch.conclude(work_on(*message));
  }
  current_consumption = nullptr;
}

Fate Worker::work_on(Inbound& message) {
  if (message.given_up) return publish_dead_letter(message);
  if (is_expired(message)) {
    consumption_->log().handled(LogLevel::kInfo, message, "expired", std::nullopt);
    return Fate::kDropped;
  }
  if (consumption_->setup().trace) {
    make_traceparent(message.trace, message.traceparent);
  } else {
    message.trace = message.traceparent;
  }
  auto const started = records_success_ ? Clock::now() : Clock::time_point{};
  slot_.watch.begin(message);
  Outcome outcome = handle(message);
  slot_.watch.end();
  std::optional<Clock::duration> duration;
  if (records_success_) duration = Clock::now() - started;
  if (outcome.kind != Outcome::Kind::kAck) return give_in(message, std::move(outcome), duration);
  if (records_success_) consumption_->log().handled(LogLevel::kDebug, message, "ack", duration);
  return Fate::kHandled;
}

Outcome Worker::handle(Inbound& message) {
  TraceScope const scope(message.trace);
  try {
    return consumption_->setup().handler(Delivery(message));
  } catch (std::exception const& error) {
    return retry(std::string(error.what()));
  } catch (...) {
    return retry("the handler threw something that is not a std::exception");
  }
}

Fate Worker::give_in(Inbound& message, Outcome outcome, std::optional<Clock::duration> duration) {
  auto decision = decide_retry(std::move(outcome), message.attempt, consumption_->setup().spec.config.retry,
                               dead_letter_.has_value(), random_);
  message.last_error = std::move(decision.reason);
  auto const& log = consumption_->log();
  switch (decision.kind) {
    case RetryDecision::Kind::kRetry:
      log.handled(LogLevel::kWarn, message, "retry", duration);
      message.due = Clock::now() + decision.delay;
      ++message.attempt;
      return Fate::kAgain;
    case RetryDecision::Kind::kDeadLetter:
      log.handled(LogLevel::kWarn, message, "dead_letter", duration);
      message.given_up = true;
      return publish_dead_letter(message);
    case RetryDecision::Kind::kDrop: log.handled(LogLevel::kWarn, message, "dropped", duration); return Fate::kDropped;
    case RetryDecision::Kind::kDone: break;
  }
  return Fate::kHandled;
}

Fate Worker::publish_dead_letter(Inbound& message) {
  // The share keeps everything alive until the answer comes, even past the end of the subscription.
  auto taken = dead_letter_->publish(message, [consumption = consumption_, &message](Result<Receipt> const& result) {
    consumption->dead_letter_ended(message, result);
  });
  if (taken) return Fate::kElsewhere;
  consumption_->log().dead_letter_failed(message, taken.error());
  return Fate::kAgain;
}

}  // namespace fairlead
