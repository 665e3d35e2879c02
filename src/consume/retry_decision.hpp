#pragma once

#include <fairlead/config.hpp>
#include <fairlead/outcome.hpp>

#include <chrono>
#include <cstdint>
#include <random>
#include <string>

namespace fairlead {

/// What becomes of a message after its handler has decided.
struct RetryDecision {
  enum class Kind {
    kDone,
    kRetry,       ///< handled again in place after `delay`
    kTier,        ///< handled again after the delay of `tier`
    kDeadLetter,  ///< given up and kept
    kDrop,        ///< given up; the subscription keeps no dead letters
  };
  Kind kind = Kind::kDone;
  std::chrono::milliseconds delay{0};
  std::uint8_t tier = 0;
  std::string reason{};
  Errc code = Errc::kHandlerFailed;
};

/// `attempt` is the handling that ended just now, 1 for the first. The last attempts come after the tiers, one each;
/// those before are made in place and wait as long as the handler asked for, else by exponential backoff with full
/// jitter. A delay that the handler asked for may skip to a longer tier.
[[nodiscard]] RetryDecision decide_retry(Outcome outcome, std::uint32_t attempt, RetryConfig const& retry,
                                         bool keeps_dead_letters, std::mt19937_64& random);

}  // namespace fairlead
