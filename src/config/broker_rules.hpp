#pragma once

#include "config/node.hpp"

#include <fairlead/config.hpp>

#include <vector>

namespace fairlead {

/// What is wrong with a configuration because of the broker that it names: names that do not fit or that two things
/// would share, and what that broker cannot do.
void find_broker_problems(Config const& config, std::vector<Problem>& problems);

}  // namespace fairlead
