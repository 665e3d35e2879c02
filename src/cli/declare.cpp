#include "cli/command.hpp"

#include <fairlead/broker.hpp>

namespace fairlead::cli {

int run_declare(Target const& target) {
  auto config = make_config(target);
  if (!config) return report(config.error());
  auto broker = Broker::open(*std::move(config));
  if (!broker) return report(broker.error());
  auto const declared = (*broker)->declare(target.destination);
  return declared ? kOk : report(declared.error());
}

}  // namespace fairlead::cli
