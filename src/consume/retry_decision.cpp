#include "consume/retry_decision.hpp"

#include "resilience/backoff.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {

namespace {

std::chrono::milliseconds jittered_delay(std::uint32_t attempt, RetryConfig const& retry, std::mt19937_64& random) {
  auto const ceiling = backoff_ceiling({retry.initial, retry.max, retry.multiplier}, attempt);
  return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, ceiling.count())(random));
}

}  // namespace

RetryDecision decide_retry(Outcome outcome, std::uint32_t attempt, RetryConfig const& retry, bool keeps_dead_letters,
                           std::mt19937_64& random) {
  using Kind = RetryDecision::Kind;
  auto const give_up = keeps_dead_letters ? Kind::kDeadLetter : Kind::kDrop;
  switch (outcome.kind) {
    case Outcome::Kind::kAck: return {};
    case Outcome::Kind::kReject: {
      if (outcome.reason.empty()) outcome.reason = "rejected by the handler";
      return {give_up, {}, std::move(outcome.reason)};
    }
    case Outcome::Kind::kRetry: break;
  }
  if (outcome.reason.empty()) outcome.reason = "the handler asked for a retry";
  if (attempt >= static_cast<std::uint32_t>(retry.max_attempts)) return {give_up, {}, std::move(outcome.reason)};
  auto const delay =
      outcome.after ? std::max(*outcome.after, std::chrono::milliseconds(0)) : jittered_delay(attempt, retry, random);
  return {Kind::kRetry, delay, std::move(outcome.reason)};
}

}  // namespace fairlead
