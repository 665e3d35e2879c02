#pragma once

#include "consume/intake.hpp"

#include <string_view>

namespace fairlead {

class Consumption;

/// The Intake of a subscription. Keeps a few nodes for itself, so that filling one takes no lock. Used by the source's
/// thread alone.
class IntakeDoor final : public Intake {
 public:
  /// The names are stamped on each message; they and the rest must outlive the door.
  IntakeDoor(Consumption& consumption, std::string_view destination, std::string_view group)
      : consumption_(consumption), destination_(destination), group_(group) {}

  [[nodiscard]] Room room() noexcept override;
  [[nodiscard]] Inbound& acquire() override;
  void discard(Inbound& message) noexcept override;
  void deliver(InboundList batch) override;
  void open_lane(Lane lane) override;
  void lose_lane(Lane lane) override;
  void revoke_lane(Lane lane, std::chrono::steady_clock::time_point deadline) override;
  void report(Error const& error) override;
  void recovered() override;

 private:
  Consumption& consumption_;
  std::string_view destination_;
  std::string_view group_;
  InboundList nodes_;
};

}  // namespace fairlead
