#include "consume/consume_chain.hpp"

#include "consume/consumption.hpp"
#include "consume/deduplicator.hpp"
#include "consume/envelope.hpp"
#include "consume/retry_decision.hpp"
#include "core/deadline.hpp"
#include "core/seeded_fault.hpp"
#include "observe/trace.hpp"
#include "resilience/backoff.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {

namespace {

using namespace std::chrono_literals;

// A key in progress elsewhere is mostly done long before its lease ends.
constexpr std::chrono::milliseconds kLookAgain{1'000};

bool is_expired(Inbound const& message) noexcept {
  if (message.expires_at_ms == 0) return false;
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  return message.expires_at_ms <= std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace

ConsumeChain::ConsumeChain(Consumption& consumption, std::uint64_t seed)
    : consumption_(consumption), random_(seed), records_success_(consumption.log().records_success()) {}

void ConsumeChain::begin_batch() noexcept { records_success_ = consumption_.log().records_success(); }

std::optional<Conclusion> ConsumeChain::before(Inbound& message, Admission::Permits permits) {
  if (message.step == Step::kForward) return forward(message);
  if (message.step == Step::kMark) return mark(message);
  auto const& setup = consumption_.setup();
  if (message.has_envelope && setup.spec.destination.kind == DestinationPlan::Kind::kDestination) {
    open_envelope(message);
  }
  if (!message.only_group.empty() && message.only_group != message.group) return Conclusion{Fate::kForeign};
  if (is_expired(message)) {
    consumption_.log().handled(LogLevel::kInfo, message, "expired", std::nullopt);
    return Conclusion{Fate::kDropped};
  }
  if (setup.trace) {
    make_traceparent(message.trace, message.traceparent);
  } else {
    message.trace = message.traceparent;
  }
  message.store_verdict = Verdict::kNone;
  if (setup.deduplicator && permits.store != Admission::Permit::kRefused) return deduplicate(message, permits.store);
  return std::nullopt;
}

std::optional<Conclusion> ConsumeChain::deduplicate(Inbound& message, Admission::Permit permit) {
  auto const& setup = consumption_.setup();
  auto const claim = setup.deduplicator->claim(message);
  if (!claim) {
    consumption_.store_failed(message, claim.error());
    message.store_verdict = Verdict::kFailure;
    if (setup.spec.config.idempotency.on_outage == OnOutage::kPass) return std::nullopt;
    auto waits = wait(message, backoff_delay(kTryAgain, 1, random_));
    waits.store = Verdict::kFailure;
    return waits;
  }
  bool const was_asked = claim->state != ClaimState::kClaimed || !message.claim.empty();
  message.store_verdict = was_asked ? Verdict::kSuccess : Verdict::kNone;
  if (was_asked && permit == Admission::Permit::kProbe) consumption_.store_answered();
  switch (claim->state) {
    case ClaimState::kClaimed: return std::nullopt;
    case ClaimState::kDone:
      consumption_.log().handled(LogLevel::kInfo, message, "duplicate", std::nullopt);
      return Conclusion{Fate::kDuplicate, Verdict::kNone, Verdict::kSuccess};
    case ClaimState::kBusy:
      if (is_seeded(SeededFault::kBusyAsDuplicate)) return Conclusion{Fate::kDuplicate};
      break;
  }
  consumption_.log().handled(LogLevel::kDebug, message, "busy", std::nullopt);
  auto waits = wait(message, std::clamp(claim->busy_for, 1ms, kLookAgain));
  waits.store = Verdict::kSuccess;
  return waits;
}

Conclusion ConsumeChain::after(Inbound& message, Outcome outcome, std::optional<Clock::duration> duration) {
  auto const& setup = consumption_.setup();
  auto const& log = consumption_.log();
  if (outcome.kind == Outcome::Kind::kAck) {
    if (records_success_) log.handled(LogLevel::kDebug, message, "ack", duration);
    if (message.claim.empty()) return {Fate::kHandled, Verdict::kSuccess, message.store_verdict};
    auto marked = mark(message);
    marked.handling = Verdict::kSuccess;
    return marked;
  }
  if (setup.deduplicator) setup.deduplicator->release(message);
  auto const store_verdict = message.store_verdict;  // read now: a message that was forwarded may be gone
  auto decision = decide_retry(std::move(outcome), message.attempt, setup.spec.config.retry,
                               consumption_.forwarder().keeps_dead_letters(), random_);
  message.last_error = std::move(decision.reason);
  message.last_code = decision.code;
  if (!message.first_failed_at) message.first_failed_at = std::chrono::system_clock::now();
  Conclusion conclusion;
  switch (decision.kind) {
    case RetryDecision::Kind::kRetry:
      log.handled(LogLevel::kWarn, message, "retry", duration);
      conclusion = wait(message, decision.delay);
      conclusion.fate = Fate::kRetry;
      conclusion.handling = Verdict::kFailure;
      ++message.attempt;
      break;
    case RetryDecision::Kind::kTier:
      log.handled(LogLevel::kWarn, message, "delayed_retry", duration);
      message.forward_to = decision.tier;
      conclusion = forward(message);
      conclusion.handling = Verdict::kFailure;  // as every failure that leads to another attempt
      break;
    case RetryDecision::Kind::kDeadLetter:
      log.handled(LogLevel::kWarn, message, "dead_letter", duration);
      message.forward_to = kToDeadLetters;
      conclusion = forward(message);
      break;
    case RetryDecision::Kind::kDrop:
      log.handled(LogLevel::kWarn, message, "dropped", duration);
      conclusion.fate = Fate::kDropped;
      break;
    case RetryDecision::Kind::kDone: break;
  }
  conclusion.store = store_verdict;
  return conclusion;
}

Conclusion ConsumeChain::not_begun(Inbound& message) {
  if (auto const& deduplicator = consumption_.setup().deduplicator) deduplicator->release(message);
  auto waits = wait(message, 0ms);
  waits.store = message.store_verdict;
  return waits;
}

Conclusion ConsumeChain::mark(Inbound& message) {
  auto const& setup = consumption_.setup();
  auto const marked = setup.deduplicator->mark(message);
  if (!marked) {
    consumption_.store_failed(message, marked.error());
    // Its effect has happened; without its mark a duplicate would repeat it, so the message waits for the store.
    if (setup.spec.config.idempotency.on_outage == OnOutage::kPass) return {Fate::kHandled, {}, Verdict::kFailure};
    message.step = Step::kMark;
    auto waits = wait(message, backoff_delay(kTryAgain, ++message.failed_tries, random_));
    waits.store = Verdict::kFailure;
    return waits;
  }
  if (!*marked) consumption_.log().lease_had_ended(message);
  return {Fate::kHandled, Verdict::kNone, Verdict::kSuccess};
}

Conclusion ConsumeChain::forward(Inbound& message) {
  message.step = Step::kForward;
  // The share keeps everything alive until the answer comes, even past the end of the subscription.
  auto taken = consumption_.forwarder().publish(
      message, [consumption = consumption_.shared_from_this(), &message](Result<Receipt> const& result) {
        if (!is_seeded(SeededFault::kSkipDeadLetterConfirm)) consumption->forward_ended(message, result);
      });
  if (taken && is_seeded(SeededFault::kSkipDeadLetterConfirm)) consumption_.forward_ended(message, Receipt{});
  if (taken) return {Fate::kElsewhere};
  consumption_.log().forward_failed(message, taken.error());
  return wait(message, backoff_delay(kTryAgain, ++message.failed_tries, random_));
}

Conclusion ConsumeChain::wait(Inbound& message, std::chrono::milliseconds delay) const noexcept {
  message.due = deadline_after(delay);
  return {Fate::kLater};
}

}  // namespace fairlead
