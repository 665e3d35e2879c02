#pragma once

#include "consume/consume_chain.hpp"
#include "consume/consumption.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace fairlead {

/// Collects messages until a batch is full or has waited long enough, and runs the batch handler on it. Owned by its
/// thread.
class BatchWorker {
 public:
  BatchWorker(std::shared_ptr<Consumption> consumption, WorkerSlot& slot, std::uint64_t seed);

  /// Until the consumption ends.
  void run();

 private:
  using Clock = std::chrono::steady_clock;

  /// Pulls the messages of one batch and does what comes before their handler.
  void collect();
  /// What was collected and is not to begin now.
  void put_back();
  [[nodiscard]] std::vector<Outcome> handle();

  std::shared_ptr<Consumption> consumption_;
  WorkerSlot& slot_;
  ConsumeChain chain_;
  std::size_t const size_;
  std::vector<Consumption::Pulled> batch_;
  std::vector<Inbound const*> messages_;
};

}  // namespace fairlead
