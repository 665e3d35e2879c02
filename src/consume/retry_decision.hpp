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
    kRetry,       ///< handled again after `delay`
    kDeadLetter,  ///< given up and kept
    kDrop,        ///< given up; the subscription keeps no dead letters
  };
  Kind kind = Kind::kDone;
  std::chrono::milliseconds delay{0};
  std::string reason{};
};

/// `attempt` is the handling that ended just now, 1 for the first. A retry waits as long as the handler asked for, else
/// by exponential backoff with full jitter.
[[nodiscard]] RetryDecision decide_retry(Outcome outcome, std::uint32_t attempt, RetryConfig const& retry,
                                         bool keeps_dead_letters, std::mt19937_64& random);

}  // namespace fairlead
