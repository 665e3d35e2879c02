#pragma once

#include <fairlead/export.hpp>

#include <string_view>

namespace fairlead {

/// Fairlead's own version, such as `0.1.0`.
[[nodiscard]] FAIRLEAD_EXPORT std::string_view version() noexcept;
/// The librdkafka in use at run time; `not built in` with `FAIRLEAD_WITH_KAFKA=OFF`.
[[nodiscard]] FAIRLEAD_EXPORT std::string_view kafka_client_version() noexcept;
/// The rabbitmq-c in use at run time; `not built in` with `FAIRLEAD_WITH_AMQP=OFF`.
[[nodiscard]] FAIRLEAD_EXPORT std::string_view amqp_client_version() noexcept;

}  // namespace fairlead
