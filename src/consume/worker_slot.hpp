#pragma once

#include "consume/admission.hpp"
#include "consume/backlog.hpp"
#include "consume/claimed_batch.hpp"
#include "consume/handler_watch.hpp"

#include <cstddef>

namespace fairlead {

/// What one worker and the Consumption hand to each other.
struct WorkerSlot {
  ClaimedBatch batch;
  std::size_t longest_batch = 1;  // under the lock, as the next
  bool is_shared = false;         // the batch may hold what another worker could take over
  Admission::Permits permits;     // of the batch; the worker reads them, nobody changes a probe's while it runs

  // The worker's own.
  Effects effects;
  InboundList cleared;  // nodes for the pool

  HandlerWatch watch;
  HandlerContext context;  // its stop source is exchanged by the worker under the lock
};

}  // namespace fairlead
