#pragma once

#include "config/plan.hpp"
#include "publish/sink.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace fairlead {

/// The sink of a retry on a broker that has no delays of its own: each message carries when it is due, for the group's
/// source to wait for; a retry without a delay goes to the destination itself, for that group alone. Thread-safe.
class RetrySink final : public Sink {
 public:
  using WallClock = std::function<std::chrono::system_clock::time_point()>;

  /// `place` is the tier's own topic or log or, without a delay, the destination's. `plan` is of kind kRetry.
  RetrySink(std::unique_ptr<Sink> place, DestinationPlan const& plan, WallClock now = std::chrono::system_clock::now);

  Result<void> publish(Outbound const& message, PendingPublish& pending) override;

 private:
  std::unique_ptr<Sink> const place_;
  std::chrono::milliseconds const delay_;
  std::string const group_;
  WallClock const now_;
};

}  // namespace fairlead
