#pragma once

#include <fairlead/broker.hpp>

namespace fairlead {

/// RabbitMQ over AMQP 0-9-1 with rabbitmq-c. One I/O thread per connection; publishing and consuming have a connection
/// each, because a broker alarm stops publishing connections only.
/// Opened by `Broker::open` for `amqp://` URLs, or directly when the program knows what it talks to.
class FAIRLEAD_EXPORT AmqpBroker final : public Broker {
 public:
  [[nodiscard]] static Result<std::unique_ptr<AmqpBroker>> open(Config config, OpenOptions options = {});
  ~AmqpBroker() override;

 private:
  struct Impl;
  AmqpBroker(Config config, OpenOptions options, Capabilities capabilities);

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
