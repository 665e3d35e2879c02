#pragma once

#include "support/missing.hpp"

#include <memory>
#include <string>

namespace fairlead::conformance {

/// A broker that stops answering although every connection to it stays.
class Outage {
 public:
  virtual ~Outage() = default;
  /// Where clients find the broker.
  [[nodiscard]] virtual std::string url() const = 0;
  virtual void begin() = 0;
  virtual void end() = 0;

  /// Null, and what is missing, when that cannot be done to this broker. RabbitMQ gets a proxy in front of it. Kafka
  /// tells its clients to go around one: its process is stopped, which is possible only when the harness started it
  /// here.
  [[nodiscard]] static std::unique_ptr<Outage> of(std::string const& url, test::Missing& missing);
};

}  // namespace fairlead::conformance
