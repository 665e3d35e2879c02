#pragma once

#include <fairlead/error.hpp>

#include <string_view>

namespace fairlead::amqp {

/// A reply code and text from the broker (connection.close, channel.close, basic.return) as an Error. `what` names
/// what was being done, such as `declare queue 'orders.billing'`.
[[nodiscard]] Error reply_error(int code, std::string_view text, std::string_view what);

/// The connection is gone: `reason` says why.
[[nodiscard]] Error connection_lost(std::string_view reason);

/// The peer broke the protocol.
[[nodiscard]] Error protocol_error(std::string_view problem);

}  // namespace fairlead::amqp
