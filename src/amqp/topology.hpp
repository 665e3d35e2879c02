#pragma once

#include "amqp/channel.hpp"
#include "config/plan.hpp"

#include <fairlead/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

// What the exchanges and queues of a destination are called, and the requests that declare them.
namespace fairlead::amqp {

/// `orders.billing`, or `orders.billing.3` when the destination has partitions. Of a retry: the queue that its messages
/// go back to.
[[nodiscard]] std::string queue_name(DestinationPlan const& plan, std::string_view group, std::int32_t partition);

/// The exchange a destination is published to; empty, the default exchange, for a dead letter and for a retry without
/// a tier.
[[nodiscard]] std::string_view exchange_name(DestinationPlan const& plan) noexcept;

/// What a message's or binding's routing words become: the partition number is the last word when there are partitions.
[[nodiscard]] std::string with_partition(std::string_view words, std::int32_t partition, int partitions);

/// Whether the destination's settings go together on RabbitMQ.
[[nodiscard]] Result<void> check_plan(DestinationPlan const& plan);

/// The exchange and the queues of all groups; with `declare: false` only asks whether they exist. Nothing for a retry
/// without a tier.
[[nodiscard]] Script declare_destination(DestinationPlan const& plan);

/// The exchange and one queue of a group, as its consumer needs them.
[[nodiscard]] Script declare_group_queue(DestinationPlan const& plan, GroupPlan const& group, std::int32_t partition);

/// The exchange and a queue that goes away with its one consumer.
[[nodiscard]] Script declare_anonymous_queue(DestinationPlan const& plan, std::string_view queue);

/// For the scripts of other channels.
[[nodiscard]] Request request_qos(std::uint16_t prefetch);
[[nodiscard]] Request request_consume(std::string_view queue, std::string_view consumer_tag);
[[nodiscard]] Request request_confirms();
/// Asks for a queue's counters; refused when the queue does not exist.
[[nodiscard]] Request request_queue_state(std::string_view queue);

}  // namespace fairlead::amqp
