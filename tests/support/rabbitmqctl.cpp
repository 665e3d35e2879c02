#include "support/rabbitmqctl.hpp"

#include "support/child_process.hpp"

#include <chrono>
#include <stdexcept>

namespace fairlead::test {

void rabbitmqctl(std::string const& directory, std::vector<std::string> const& arguments) {
  constexpr std::chrono::seconds kPatience{60};
  std::vector<std::string> command{START_RABBITMQ, "ctl", directory, "1"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  ChildProcess process(command);
  if (process.wait(kPatience) != 0) throw std::runtime_error("rabbitmqctl " + arguments.front() + " failed");
}

}  // namespace fairlead::test
