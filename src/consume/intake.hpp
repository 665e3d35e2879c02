#pragma once

#include "consume/inbound.hpp"

#include <fairlead/error.hpp>

#include <chrono>
#include <cstddef>

namespace fairlead {

/// The door through which a backend hands messages to a subscription. All methods are called by the source's own
/// thread only, and none runs a handler.
class Intake {
 public:
  virtual ~Intake() = default;

  struct Room {
    std::size_t messages = 0;
    std::size_t bytes = 0;
    explicit operator bool() const noexcept { return messages > 0 && bytes > 0; }
  };
  /// How much may be delivered now. Once it was empty, Source::room_available is called when a quarter is free again.
  /// Advice: a backend bounded by prefetch may ignore it.
  [[nodiscard]] virtual Room room() noexcept = 0;

  /// A node to fill; hand it over by `deliver` or give it back by `discard`.
  [[nodiscard]] virtual Inbound& acquire() = 0;
  virtual void discard(Inbound& message) noexcept = 0;

  /// Takes the batch over. Lanes must be open; messages of a lane come in growing position.
  virtual void deliver(InboundList batch) = 0;

  /// A partition was assigned, a consumer started. An earlier epoch of the lane ends as by lose_lane.
  virtual void open_lane(Lane lane) = 0;
  /// The lane is gone without notice (connection lost, assignment lost): messages not begun are dropped, settlements
  /// of those that run are counted as stale. Returns at once.
  virtual void lose_lane(Lane lane) = 0;
  /// The lane is being taken away in order (rebalance): messages not begun are dropped, the running ones may finish
  /// and are settled through Source::settle before this returns, at most until the deadline; then as lose_lane.
  virtual void revoke_lane(Lane lane, std::chrono::steady_clock::time_point deadline) = 0;

  /// Something the operator should know, such as a cancelled consumer: logged, and kept as the subscription's state.
  virtual void report(Error const& error) = 0;
  /// What was reported is over, though no message says so.
  virtual void recovered() {}
};

}  // namespace fairlead
