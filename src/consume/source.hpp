#pragma once

#include "config/plan.hpp"
#include "consume/inbound.hpp"

#include <fairlead/config.hpp>
#include <fairlead/error.hpp>
#include <fairlead/result.hpp>
#include <fairlead/subscription.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace fairlead {

/// What a subscription asks of its backend.
struct SourceSpec {
  std::string subscription;  // its name in the configuration
  DestinationPlan destination;
  GroupPlan group;  // an empty name: a group of its own, from latest
  SubscriptionConfig config;
  std::vector<DestinationPlan> retries{};  // of the group, which the source reads as well, each message when it is due
};

/// A member of a group as the backend runs it: pushes messages into the Intake on its own thread, from its opening
/// until stop_intake. It may outlive the backend's broker object only in that its destructor must work.
class Source {
 public:
  virtual ~Source() = default;

  /// Everything of the lane up to and including `position` is settled. Any thread; records and returns: the backend
  /// commits or acks asynchronously and coalesced (within 5 ms when idle). Calls may come out of order: the highest
  /// position counts. Stale epochs are ignored.
  virtual void settle(Lane lane, std::int64_t position) noexcept = 0;

  /// The Intake has room again after Intake::room answered zero. Any thread.
  virtual void room_available() noexcept = 0;

  /// Deliver nothing more, at once. Any thread, may be called twice. Settling goes on.
  virtual void stop_intake() noexcept = 0;

  /// The partitions of the destination's own log that this member has now go on at the target, and the group with
  /// them: what was taken in of them is given up as by Intake::lose_lane and new lanes are opened. Waits until that is
  /// done, and no longer than `deadline` (kTimeout). Any thread, a handler's as well.
  virtual Result<void> seek(SeekTarget const& target, std::chrono::steady_clock::time_point deadline) {
    (void)target;
    (void)deadline;
    return Error{Errc::kUnsupported, "this broker gives out each message once and cannot go back or ahead to another"};
  }

  /// Commits or acks what was settled, gives the rest back to the broker (by leaving the group), ends the thread.
  /// Never blocks past the deadline (kTimeout).
  virtual Result<void> close(std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace fairlead
