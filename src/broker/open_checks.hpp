#pragma once

#include <fairlead/broker.hpp>

namespace fairlead {

/// What every way of opening a broker does first: checks the configuration, and makes the logger where none was given.
[[nodiscard]] Result<OpenOptions> check_open(Config const& config, OpenOptions options);

}  // namespace fairlead
