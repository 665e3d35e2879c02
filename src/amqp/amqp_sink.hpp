#pragma once

#include "amqp/publish_channel.hpp"
#include "amqp/publish_encoder.hpp"
#include "config/plan.hpp"
#include "publish/sink.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace fairlead::amqp {

/// A destination as it is published to: its exchange, and the partition as last word of the routing key. Thread-safe.
class AmqpSink final : public Sink {
 public:
  AmqpSink(DestinationPlan const& plan, std::shared_ptr<PublishChannel> channel);

  Result<void> publish(Outbound const& message, PendingPublish& pending) override;

 private:
  [[nodiscard]] std::int32_t next_partition(Outbound const& message) noexcept;

  std::shared_ptr<PublishChannel> channel_;
  std::string exchange_;
  std::string dead_letter_queue_;  // empty: a destination with an exchange
  PublishEncoder encoder_;
  int partitions_;
  bool has_priorities_;
  std::atomic<std::uint32_t> round_robin_{0};
};

}  // namespace fairlead::amqp
