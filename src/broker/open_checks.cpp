#include "broker/open_checks.hpp"

#include <fairlead/logger.hpp>

#include <utility>

namespace fairlead {

Result<OpenOptions> check_open(Config const& config, OpenOptions options) {
  if (auto valid = validate(config); !valid) return std::move(valid).error();
  if (!options.logger) {
    auto logger = make_logger(config.log, config.service);
    if (!logger) return std::move(logger).error();
    options.logger = *std::move(logger);
  }
  return options;
}

}  // namespace fairlead
