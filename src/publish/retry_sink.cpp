#include "publish/retry_sink.hpp"

#include <utility>

namespace fairlead {

RetrySink::RetrySink(std::unique_ptr<Sink> place, DestinationPlan const& plan, WallClock now)
    : place_(std::move(place)), delay_(plan.delay), group_(plan.groups.at(0).name), now_(std::move(now)) {}

Result<void> RetrySink::publish(Outbound const& message, PendingPublish& pending) {
  using std::chrono::milliseconds;
  Outbound retry = message;
  if (delay_ > milliseconds(0)) {
    // Rounded up: a message that comes back a moment early has not waited for as long as it was told to.
    retry.due_at_ms = std::chrono::ceil<milliseconds>(now_().time_since_epoch() + delay_).count();
  } else {
    retry.only_group = group_;
  }
  return place_->publish(retry, pending);
}

}  // namespace fairlead
