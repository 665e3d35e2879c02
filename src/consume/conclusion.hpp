#pragma once

#include "resilience/backoff.hpp"

#include <chrono>
#include <cstdint>

namespace fairlead {

/// Between two tries of what must succeed in the end: marking a key, forwarding a message.
inline constexpr BackoffPolicy kTryAgain{std::chrono::milliseconds(100), std::chrono::seconds(5), 2.0};

/// What became of a message.
enum class Fate : std::uint8_t {
  kHandled,
  kDuplicate,  ///< its effect had happened already
  kForeign,    ///< meant for another group
  kDropped,    ///< given up without a dead letter, or expired
  kRetry,      ///< to be handled again at `due`, as another attempt
  kLater,      ///< to be worked on again at `due`: nothing was tried, or what is left is another Step
  kElsewhere,  ///< on its way to a tier or to the dead letters; perhaps already gone
};

/// What that says about something the handlers depend on.
enum class Verdict : std::uint8_t { kNone, kSuccess, kFailure };

/// What a worker made of a message.
struct Conclusion {
  Fate fate = Fate::kHandled;
  Verdict handling = Verdict::kNone;  ///< of what handlers call
  Verdict store = Verdict::kNone;     ///< of the idempotency store
};

}  // namespace fairlead
