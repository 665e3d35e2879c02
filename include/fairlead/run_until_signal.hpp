#pragma once

#include <fairlead/export.hpp>
#include <fairlead/result.hpp>

#include <chrono>

namespace fairlead {

class Broker;

/// Waits for SIGINT or SIGTERM and ends the broker as an orchestrator wants it: intake stops at once, running handlers
/// finish, what they decided is settled, and the broker is closed. Blocks until then, and from the signal on no longer
/// than `drain_timeout` and one second, even when the broker is gone. A second signal is a fast stop: running handlers
/// are asked to stop (`Delivery::stop_token`) and not waited for; the broker delivers their messages again.
///
/// Choose `drain_timeout` below what the orchestrator grants; Kubernetes gives 30 s from SIGTERM to SIGKILL.
///
/// The previous actions of both signals are back when it returns. A signal that comes before the call has its usual
/// effect, unless the thread had blocked it with `pthread_sigmask`: then it counts as the first one. Call it from one
/// thread at a time, and not from a handler or a completion. Errors: `kTimeout` when handlers or publishes did not end
/// in time, `kInvalidArgument` for a call that is refused.
[[nodiscard]] FAIRLEAD_EXPORT Result<void> run_until_signal(Broker& broker, std::chrono::milliseconds drain_timeout);

}  // namespace fairlead
