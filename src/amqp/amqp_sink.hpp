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

/// A destination as it is published to: its exchange, and the partition as last word of the routing key. Dead letters
/// and retries are routed by the name of the queue they are for instead, and carry their routing key as a header.
/// Thread-safe.
class AmqpSink final : public Sink {
 public:
  AmqpSink(DestinationPlan const& plan, std::shared_ptr<PublishChannel> channel);

  Result<void> publish(Outbound const& message, PendingPublish& pending) override;

 private:
  [[nodiscard]] std::int32_t next_partition(Outbound const& message) noexcept;

  std::shared_ptr<PublishChannel> channel_;
  std::string exchange_;
  std::string queue_;  // that all messages are for, without the partition; empty: what is bound gets them
  PublishEncoder encoder_;
  int partitions_;
  bool has_priorities_;
  std::atomic<std::uint32_t> round_robin_{0};
};

}  // namespace fairlead::amqp
