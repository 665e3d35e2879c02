#pragma once

#include <fairlead/export.hpp>
#include <fairlead/result.hpp>

#include <string>

namespace fairlead {

/// What `fairlead config check` prints of a file: the effective configuration as YAML with secrets hidden and where
/// each value came from, then what each destination and group becomes on its broker.
[[nodiscard]] FAIRLEAD_EXPORT Result<std::string> describe_config(std::string const& path);

}  // namespace fairlead
