#pragma once

#include "cli/dlq.hpp"
#include "cli/stop_signal.hpp"

#include <fairlead/broker.hpp>

#include <chrono>

namespace fairlead::cli {

// On an open broker; they return an exit code.

/// `list`, `show` and `--dry-run`: prints and settles nothing.
int look_at_dead_letters(Broker& broker, StopSignal const& signal, DlqCommand const& command,
                         DeadLetterFilter const& filter, std::chrono::milliseconds idle);

/// `redrive` and `purge`.
int clear_dead_letters(Broker& broker, StopSignal const& signal, DlqCommand const& command,
                       DeadLetterFilter const& filter, std::chrono::milliseconds idle);

}  // namespace fairlead::cli
