#include "consume/retry_decision.hpp"

#include "resilience/backoff.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {

namespace {

std::uint8_t choose_tier(std::size_t next, std::optional<std::chrono::milliseconds> asked, RetryConfig const& retry) {
  while (asked && next + 1 < retry.tiers.size() && retry.tiers[next] < *asked) ++next;
  return static_cast<std::uint8_t>(next);
}

}  // namespace

RetryDecision decide_retry(Outcome outcome, std::uint32_t attempt, RetryConfig const& retry, bool keeps_dead_letters,
                           std::mt19937_64& random) {
  using Kind = RetryDecision::Kind;
  if (outcome.kind == Outcome::Kind::kAck) return {};
  bool const is_rejected = outcome.kind == Outcome::Kind::kReject;
  RetryDecision decision;
  decision.kind = keeps_dead_letters ? Kind::kDeadLetter : Kind::kDrop;
  decision.reason = std::move(outcome.reason);
  if (decision.reason.empty()) {
    decision.reason = is_rejected ? "rejected by the handler" : "the handler asked for a retry";
  }
  decision.code = outcome.code.value_or(is_rejected ? Errc::kRejected : Errc::kHandlerFailed);
  auto const last = static_cast<std::size_t>(retry.max_attempts);
  if (is_rejected || attempt >= last) return decision;
  auto const in_place = last - retry.tiers.size();  // the configuration leaves at least one
  if (attempt < in_place) {
    decision.kind = Kind::kRetry;
    decision.delay = outcome.after ? std::max(*outcome.after, std::chrono::milliseconds(0))
                                   : backoff_delay({retry.initial, retry.max, retry.multiplier}, attempt, random);
  } else {
    decision.kind = Kind::kTier;
    decision.tier = choose_tier(attempt - in_place, outcome.after, retry);
  }
  return decision;
}

}  // namespace fairlead
