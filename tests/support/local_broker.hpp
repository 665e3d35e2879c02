#pragma once

#include "support/missing.hpp"

#include <string>

namespace fairlead::test {

/// A Kafka or RabbitMQ that tests/brokers/provision.sh runs here as a process, so that it can be stopped and given
/// orders.
struct LocalBroker {
  std::string directory;  ///< of its start script; empty: there is none
  Missing missing;        ///< and why
};

/// `kind`: `kafka` or `amqp`.
[[nodiscard]] inline LocalBroker local_broker(std::string const& kind) {
  bool const is_kafka = kind == "kafka";
  auto const backend = environment(is_kafka ? "FAIRLEAD_KAFKA_BACKEND" : "FAIRLEAD_AMQP_BACKEND");
  auto const directory = environment("FAIRLEAD_BROKER_DIR");
  bool const is_elsewhere = backend == "url" || backend == "containers";
  if (!directory.empty() && !is_elsewhere) return {directory + "/" + kind, {}};
  auto const* const name = is_kafka ? "Kafka" : "RabbitMQ";
  return {"", {std::string("needs a ") + name + " that runs as a local process (FAIRLEAD_BROKER_DIR)", is_elsewhere}};
}

}  // namespace fairlead::test
