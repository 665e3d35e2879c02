#include "broker/open_checks.hpp"

#include "config/broker_url.hpp"
#include "config/security_warnings.hpp"
#include "observe/logging.hpp"

#include <fairlead/idempotency.hpp>
#include <fairlead/logger.hpp>

#include <utility>

namespace fairlead {

Result<OpenOptions> check_open(Config const& config, OpenOptions options) {
  if (auto valid = validate(config); !valid) return std::move(valid).error();
  for (auto const& [name, subscription] : config.subscriptions) {
    auto const& store = subscription.idempotency.store;
    if (store.empty() || options.stores.contains(store)) continue;
    auto opened = open_idempotency_store(store);  // connects to nothing yet
    if (opened) continue;
    auto error = std::move(opened).error();
    error.message = "subscriptions." + name + ".idempotency.store: " + error.message;
    return error;
  }
  if (!options.logger) {
    auto logger = make_logger(config.log, config.service);
    if (!logger) return std::move(logger).error();
    options.logger = *std::move(logger);
  }
  if (auto const url = parse_broker_url(config.broker)) {
    for (auto const& warning : security_warnings(config, *url)) {
      log(*options.logger, LogLevel::kWarn, "connection", warning);
    }
  }
  return options;
}

}  // namespace fairlead
