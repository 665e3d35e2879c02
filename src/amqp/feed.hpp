#pragma once

#include "consume/intake.hpp"

#include <atomic>

namespace fairlead::amqp {

/// What the consumers of one subscription share: the door to the subscription, and what was read for it.
struct Feed {
  explicit Feed(Intake& door) noexcept : intake(door) {}

  Intake& intake;
  std::atomic<bool> is_stopped{false};  // deliver nothing more
  InboundList batch;                    // I/O thread

  /// I/O thread.
  void flush() {
    if (batch.size == 0) return;
    auto const full = batch;
    batch = {};
    intake.deliver(full);
  }
};

}  // namespace fairlead::amqp
