#pragma once

#include "config/broker_url.hpp"

#include <fairlead/config.hpp>

#include <string>
#include <vector>

namespace fairlead {

/// What the configuration gives up of the safe defaults, one sentence each, naming the setting: certificates that are
/// not verified, and passwords that cross a network in the clear.
[[nodiscard]] std::vector<std::string> security_warnings(Config const& config, BrokerUrl const& url);

}  // namespace fairlead
