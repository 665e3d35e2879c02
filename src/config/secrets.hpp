#pragma once

#include <string_view>

namespace fairlead {

/// A setting of this name (a librdkafka property, a URL query key) holds something that must never be shown.
[[nodiscard]] bool is_secret_name(std::string_view name) noexcept;

}  // namespace fairlead
