#pragma once

#include <fairlead/export.hpp>

#include <string>
#include <string_view>

namespace fairlead {

/// Free text from a client library with what may be secret replaced by `***`: values after names such as `password=`,
/// `"client.secret": ` or `Authorization: Bearer `, passwords in URLs, and private keys. It rather hides too much.
[[nodiscard]] FAIRLEAD_EXPORT std::string redact(std::string_view text);

}  // namespace fairlead
