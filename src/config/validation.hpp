#pragma once

#include "config/node.hpp"

#include <fairlead/config.hpp>

#include <vector>

namespace fairlead {

/// Everything that is wrong with a configuration whose values were read: ranges, names, references, and what the
/// broker it names cannot do.
[[nodiscard]] std::vector<Problem> find_problems(Config const& config);

/// All problems in one error, a line each.
[[nodiscard]] Error config_error(std::vector<Problem> const& problems);

}  // namespace fairlead
