#pragma once

#include "consume/consumption.hpp"
#include "consume/dead_letter.hpp"

#include <fairlead/outcome.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>

namespace fairlead {

/// Takes messages from the Consumption and runs the consume chain on each: expiry, trace, handler, and what its outcome
/// asks for. Owned by its thread.
class Worker {
 public:
  Worker(std::shared_ptr<Consumption> consumption, WorkerSlot& slot, std::uint64_t seed);

  /// Until the consumption ends.
  void run();

  /// The consumption whose handler runs on the calling thread; null on any other thread.
  [[nodiscard]] static Consumption const* current() noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] Fate work_on(Inbound& message);
  [[nodiscard]] Outcome handle(Inbound& message);
  [[nodiscard]] Fate give_in(Inbound& message, Outcome outcome, std::optional<Clock::duration> duration);
  [[nodiscard]] Fate publish_dead_letter(Inbound& message);

  std::shared_ptr<Consumption> consumption_;
  WorkerSlot& slot_;
  std::optional<DeadLetterPublisher> dead_letter_;
  std::mt19937_64 random_;
  bool records_success_ = false;
};

}  // namespace fairlead
