#include "cli/target_options.hpp"

namespace fairlead::cli {

void add_target(CLI::App& command, Target& target) {
  auto* url = command.add_option("--url", target.url,
                                 "Broker URL: kafka://h:9092, amqp://user:password@h/vhost, memory://name");
  auto* file = command.add_option("--config", target.config_file, "Configuration file (YAML or JSON)");
  url->excludes(file);
  command.add_option("DESTINATION", target.destination, "Name of the destination")->required();
  command.add_flag("--verbose", target.verbose, "Log what happens on standard error");
  command.callback([url, file] {
    if (url->count() + file->count() == 0) throw CLI::RequiredError("--url or --config");
  });
}

}  // namespace fairlead::cli
