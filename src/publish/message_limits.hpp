#pragma once

#include <fairlead/message.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <cstddef>
#include <string_view>

namespace fairlead {

// Limits that hold on every broker; documented at Headers and PublishOptions. Sizes are those of AMQP short strings
// and of what brokers accept without configuration.
inline constexpr std::size_t kMaxHeaders = 64;
inline constexpr std::size_t kMaxHeaderName = 255;
inline constexpr std::size_t kMaxHeaderValue = std::size_t{8} << 10;
inline constexpr std::size_t kMaxKey = std::size_t{4} << 10;
inline constexpr std::size_t kMaxShortString = 255;                        // id, content type
inline constexpr std::size_t kMaxRoutingKey = 240;                         // leaves room for the partition number
inline constexpr std::chrono::milliseconds kMaxTimeToLive{0xffff'ffffLL};  // RabbitMQ's limit

/// Refuses what no broker should see: kInvalidArgument for a wrong name, kTooLarge for a size.
/// Gives the size that counts against `publish.max_message_bytes` and the window.
[[nodiscard]] Result<std::size_t> check_message(std::string_view payload, PublishOptions const& options,
                                                std::size_t max_message_bytes);

}  // namespace fairlead
