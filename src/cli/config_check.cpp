#include "cli/command.hpp"
#include "config/describe.hpp"

#include <iostream>

namespace fairlead::cli {

int run_config_check(std::string const& file) {
  auto description = describe_config(file);
  if (!description) return report(description.error());
  std::cout << *description;
  return kOk;
}

}  // namespace fairlead::cli
