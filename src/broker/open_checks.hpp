#pragma once

#include <fairlead/broker.hpp>

namespace fairlead {

/// What every way of opening a broker does first: checks the configuration, makes the logger where none was given,
/// and warns of what the configuration gives up of security.
[[nodiscard]] Result<OpenOptions> check_open(Config const& config, OpenOptions options);

}  // namespace fairlead
