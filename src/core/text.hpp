#pragma once

#include <fairlead/export.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fairlead {

[[nodiscard]] FAIRLEAD_EXPORT bool is_utf8(std::string_view bytes) noexcept;

/// The length of the valid UTF-8 sequence that `bytes` begins with; 0 when it does not begin with one.
[[nodiscard]] std::size_t utf8_sequence(std::string_view bytes) noexcept;

[[nodiscard]] FAIRLEAD_EXPORT std::string base64(std::string_view bytes);
[[nodiscard]] FAIRLEAD_EXPORT std::optional<std::string> from_base64(std::string_view text);

/// `text` with its `%xx` escapes decoded; nothing when a `%` stands without two hexadecimal digits.
[[nodiscard]] std::optional<std::string> unescape_url(std::string_view text);

/// The name most like `wanted`; empty when none is near enough to be a slip of the keyboard.
[[nodiscard]] std::string nearest_name(std::string_view wanted, std::span<std::string const> names);

/// ` (did you mean 'x'?)`, or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view wanted, std::span<std::string const> names);

}  // namespace fairlead
