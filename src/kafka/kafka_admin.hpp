#pragma once

#include "config/plan.hpp"
#include "kafka/handles.hpp"

#include <fairlead/logger.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <string>

namespace fairlead::kafka {

/// The topic of a destination, dead letter or retry; a retry without a delay has the destination's.
[[nodiscard]] std::string topic_of(DestinationPlan const& plan);

/// Creates the topic unless it exists, and waits until every partition has a leader. An existing topic with more
/// partitions than configured is warned of; with fewer it is kPreconditionFailed. Blocks until `deadline` at most.
Result<void> declare_topic(rd_kafka_t* client, DestinationPlan const& plan, Logger& logger,
                           std::chrono::steady_clock::time_point deadline);

/// How many partitions the topic has; kUnknownDestination when there is no such topic.
[[nodiscard]] Result<int> count_partitions(rd_kafka_t* client, DestinationPlan const& plan,
                                           std::chrono::steady_clock::time_point deadline);

/// Waits until each partition's leader answers as leader. One that has only just been named may still refuse the first
/// batch, and librdkafka takes the success of the next one for both.
Result<void> wait_for_leaders(rd_kafka_t* client, std::string const& topic, int partitions,
                              std::chrono::steady_clock::time_point deadline);

/// The same for any topic; 0 when there is none of that name.
[[nodiscard]] Result<int> partitions_of(rd_kafka_t* client, std::string const& topic,
                                        std::chrono::steady_clock::time_point deadline);

/// Milliseconds until `deadline` as librdkafka takes them; never negative, which would mean for ever.
[[nodiscard]] int milliseconds_until(std::chrono::steady_clock::time_point deadline) noexcept;

}  // namespace fairlead::kafka
