#include "consume/intake_door.hpp"

#include "consume/consumption.hpp"

namespace fairlead {

Intake::Room IntakeDoor::room() noexcept { return consumption_.room(); }

Inbound& IntakeDoor::acquire() {
  if (nodes_.first == nullptr) nodes_ = consumption_.free_nodes();
  Inbound& message = *nodes_.pop();
  message.destination = destination_;
  message.group = group_;
  return message;
}

void IntakeDoor::discard(Inbound& message) noexcept {
  message.clear();
  nodes_.push(message);
}

void IntakeDoor::deliver(InboundList batch) { consumption_.deliver(batch); }
void IntakeDoor::open_lane(Lane lane) { consumption_.open_lane(lane); }
void IntakeDoor::lose_lane(Lane lane) { consumption_.lose_lane(lane); }
void IntakeDoor::revoke_lane(Lane lane, std::chrono::steady_clock::time_point deadline) {
  consumption_.revoke_lane(lane, deadline);
}
void IntakeDoor::report(Error const& error) { consumption_.report(error); }
void IntakeDoor::recovered() { consumption_.recovered(); }

}  // namespace fairlead
