#pragma once

#include <string>
#include <vector>

namespace fairlead::test {

/// Runs rabbitmqctl on the first node that start-rabbitmq.sh has started in that directory. Throws std::runtime_error
/// when it fails or takes too long.
void rabbitmqctl(std::string const& directory, std::vector<std::string> const& arguments);

}  // namespace fairlead::test
