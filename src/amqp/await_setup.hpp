#pragma once

#include "amqp/waiter.hpp"

#include <fairlead/result.hpp>

#include <chrono>
#include <string_view>

namespace fairlead::amqp {

class Connection;

/// Waits for what the broker answers to a set-up that begins anew with each connection, such as `declare queue
/// 'orders'`. At the deadline, which is that of `connection.connect_timeout`: kNotConnected with the last cause when
/// connections were lost or could not be made, kTimeout when there was one and the broker did not answer on it.
[[nodiscard]] Result<void> await_setup(Waiter& done, Connection const& connection, std::string_view what,
                                       std::chrono::steady_clock::time_point deadline);

}  // namespace fairlead::amqp
