#include "core/seeded_fault.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace fairlead {
namespace {

struct Named {
  SeededFault fault;
  std::string_view name;
};

constexpr std::array kFaults{
    Named{SeededFault::kAckBeforeHandler, "ack-before-handler"},
    Named{SeededFault::kUnknownAsConfirmed, "unknown-as-confirmed"},
    Named{SeededFault::kDropPendingOnReconnect, "drop-pending-on-reconnect"},
    Named{SeededFault::kResendOutOfOrder, "resend-out-of-order"},
    Named{SeededFault::kIgnoreMultiple, "ignore-multiple"},
    Named{SeededFault::kStaleTagAck, "stale-tag-ack"},
    Named{SeededFault::kCommitMax, "commit-max"},
    Named{SeededFault::kBusyAsDuplicate, "busy-as-duplicate"},
    Named{SeededFault::kSkipDeadLetterConfirm, "skip-dead-letter-confirm"},
    Named{SeededFault::kNoCancelCapability, "no-cancel-capability"},
    Named{SeededFault::kHeartbeatOff, "heartbeat-off"},
    Named{SeededFault::kNoJitter, "no-jitter"},
    Named{SeededFault::kKeyWithoutSubscriber, "key-without-subscriber"},
    Named{SeededFault::kKeyOrderIgnored, "key-order-ignored"},
    Named{SeededFault::kUnroutableAsConfirmed, "unroutable-as-confirmed"},
    Named{SeededFault::kCloseWithoutAcks, "close-without-acks"},
    Named{SeededFault::kEarlyBufferRelease, "early-buffer-release"},
    Named{SeededFault::kCommitBeyond, "commit-beyond"},
};

/// A misspelt fault must not pass for one that nobody notices.
Named chosen() noexcept {
  char const* const text = std::getenv("FAIRLEAD_SEEDED_FAULT");
  if (text == nullptr || *text == '\0') return {SeededFault::kNone, {}};
  for (auto const& known : kFaults) {
    if (known.name == text) return known;
  }
  std::fprintf(stderr, "FAIRLEAD_SEEDED_FAULT: no fault is called '%s'\n", text);
  std::_Exit(2);
}

}  // namespace

bool is_seeded(SeededFault fault) noexcept {
  static Named const active = chosen();
  if (fault != active.fault) return false;
  static std::atomic_flag is_told;
  if (!is_told.test_and_set()) std::fprintf(stderr, "seeded fault: %s\n", active.name.data());
  return true;
}

}  // namespace fairlead
