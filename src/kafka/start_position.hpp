#pragma once

#include "kafka/handles.hpp"

#include <fairlead/result.hpp>

#include <chrono>
#include <cstdint>
#include <string>

// `start: latest`. Leaving it to auto.offset.reset would lose what is published between subscribing and the first
// assignment, and again whenever a partition moves before its first commit.
namespace fairlead::kafka {

/// In each partition the first position with that time or a later one, in milliseconds since the epoch; negative where
/// there is none. RD_KAFKA_OFFSET_BEGINNING and RD_KAFKA_OFFSET_END stand for the ends of a partition.
[[nodiscard]] Result<PartitionListPtr> positions_at(rd_kafka_t* consumer, std::string const& topic, int partitions,
                                                    std::int64_t time, std::chrono::steady_clock::time_point deadline);

/// The ends of all partitions now.
[[nodiscard]] inline Result<PartitionListPtr> end_positions(rd_kafka_t* consumer, std::string const& topic,
                                                            int partitions,
                                                            std::chrono::steady_clock::time_point deadline) {
  return positions_at(consumer, topic, partitions, RD_KAFKA_OFFSET_END, deadline);
}

/// Lets the group begin at the end of the partitions for which it has no position yet. While others of the group run,
/// for this topic or for another, Kafka takes that from a member only: the positions are returned, for when we are one.
Result<PartitionListPtr> commit_end_positions(rd_kafka_t* consumer, std::string const& topic, int partitions,
                                              std::chrono::steady_clock::time_point deadline);

}  // namespace fairlead::kafka
