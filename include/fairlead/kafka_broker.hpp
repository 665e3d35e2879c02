#pragma once

#include <fairlead/broker.hpp>

namespace fairlead {

/// Apache Kafka through librdkafka. One producer handle per broker, one consumer handle per subscription.
/// Opened by `Broker::open` for `kafka://` URLs, or directly when the program knows what it talks to.
class FAIRLEAD_EXPORT KafkaBroker final : public Broker {
 public:
  [[nodiscard]] static Result<std::unique_ptr<KafkaBroker>> open(Config config, OpenOptions options = {});
  ~KafkaBroker() override;

 private:
  struct Impl;
  KafkaBroker(Config config, OpenOptions options, Capabilities capabilities);

  Result<void> do_declare(DestinationPlan const& plan, std::chrono::steady_clock::time_point deadline) override;
  Result<std::unique_ptr<Sink>> do_open_sink(DestinationPlan const& plan,
                                             std::chrono::steady_clock::time_point deadline) override;
  Result<std::unique_ptr<Source>> do_open_source(SourceSpec const& spec, Intake& intake,
                                                 std::chrono::steady_clock::time_point deadline) override;
  [[nodiscard]] BrokerHealth do_health() const override;
  Result<void> do_close(std::chrono::steady_clock::time_point deadline) override;

  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead
