#pragma once

#include "consume/consume_chain.hpp"
#include "consume/consumption.hpp"

#include <cstdint>
#include <memory>

namespace fairlead {

/// Takes messages from the Consumption and runs the consume chain with the handler on each. Owned by its thread.
class Worker {
 public:
  Worker(std::shared_ptr<Consumption> consumption, WorkerSlot& slot, std::uint64_t seed);

  /// Until the consumption ends.
  void run();

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] Conclusion work_on(Inbound& message);

  std::shared_ptr<Consumption> consumption_;
  WorkerSlot& slot_;
  ConsumeChain chain_;
};

}  // namespace fairlead
