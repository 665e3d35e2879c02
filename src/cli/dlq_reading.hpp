#pragma once

#include "cli/dlq.hpp"
#include "cli/stop_signal.hpp"

#include <fairlead/broker.hpp>

#include <chrono>
#include <cstddef>

namespace fairlead::cli {

// All commands read the dead letters as one group, `<group>.dlq`, so that a dead letter settled by one is gone for the
// others on every broker. Who only looks never settles.

inline constexpr char const* kDeadLetterReader = "fairlead-cli";
/// What one look can hold, because RabbitMQ gives one consumer no more than this without an answer.
inline constexpr int kMostHeld = 65'535;
inline constexpr std::size_t kMostBytesHeld = std::size_t{1} << 29;

/// The configuration with the subscription `kDeadLetterReader` in it. Nothing is created on the broker.
[[nodiscard]] Result<Config> configure_reading(DlqCommand const& command);

/// Calls the handler for each dead letter until the signal comes, or until there was nothing to do for `idle`: none
/// came, or those that came were left. Ends the subscription. kTimeout when others do not let go of the dead letters.
[[nodiscard]] Result<void> read_dead_letters(Broker& broker, StopSignal const& signal, DlqCommand const& command,
                                             std::chrono::milliseconds idle, Handler const& handler);

/// Does not settle the dead letter; it comes again to whoever reads next.
[[nodiscard]] Outcome leave_it();

}  // namespace fairlead::cli
