#pragma once

#include <cstdint>

namespace fairlead {

/// Ways to break a promise on purpose, so that the tests can show that they would notice (tests/torture/mutants.py).
/// Each is a line at the place where the promise is kept. Only a build with FAIRLEAD_SEEDED_FAULTS has them.
enum class SeededFault : std::uint8_t {
  kNone,
  kAckBeforeHandler,        ///< settled when taken in, not when handled
  kUnknownAsConfirmed,      ///< a publish of which nobody knows is called confirmed
  kDropPendingOnReconnect,  ///< unconfirmed publishes are forgotten with their connection
  kResendOutOfOrder,        ///< the oldest unconfirmed publish is sent again last
  kIgnoreMultiple,          ///< a confirm counts for its own tag alone
  kStaleTagAck,             ///< deliveries of an earlier connection are acked on the new one
  kCommitMax,               ///< settled up to the newest handled message, whatever lies before it
  kBusyAsDuplicate,         ///< a key in progress elsewhere counts as done
  kSkipDeadLetterConfirm,   ///< settled when its dead letter was handed over, not when it is confirmed
  kNoCancelCapability,      ///< the broker need not tell that a queue is gone
  kHeartbeatOff,            ///< a silent peer is never given up
  kNoJitter,                ///< everybody retries at the same time
  kKeyWithoutSubscriber,    ///< an effect in one group counts for all
  kKeyOrderIgnored,         ///< messages of one key are handled at the same time
  kUnroutableAsConfirmed,   ///< what no queue took is called confirmed
  kCloseWithoutAcks,        ///< what a drain finishes stays unsettled
  kEarlyBufferRelease,      ///< received bytes are reused while their message is handled
  kCommitBeyond,            ///< a commit is one message ahead
};

#ifdef FAIRLEAD_SEEDED_FAULTS
/// Whether the environment variable FAIRLEAD_SEEDED_FAULT names this fault; an unknown name ends the process. Any
/// thread.
[[nodiscard]] bool is_seeded(SeededFault fault) noexcept;
#else
[[nodiscard]] consteval bool is_seeded(SeededFault /*fault*/) noexcept { return false; }
#endif

}  // namespace fairlead
