#pragma once

#include <string>
#include <string_view>

namespace fairlead {

/// Why a librdkafka property cannot be set by hand, in the words of an error; empty: it can.
[[nodiscard]] std::string refused_kafka_property(std::string_view name, std::string_view value);

}  // namespace fairlead
