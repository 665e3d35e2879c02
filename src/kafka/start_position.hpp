#pragma once

#include "kafka/handles.hpp"

#include <fairlead/result.hpp>

#include <chrono>
#include <string>

// `start: latest`. Leaving it to auto.offset.reset would lose what is published between subscribing and the first
// assignment, and again whenever a partition moves before its first commit.
namespace fairlead::kafka {

/// The ends of all partitions now.
[[nodiscard]] Result<PartitionListPtr> end_positions(rd_kafka_t* consumer, std::string const& topic, int partitions,
                                                     std::chrono::steady_clock::time_point deadline);

/// Lets the group begin at the end of the partitions for which it has no position yet. A group whose members run has
/// done so already.
Result<void> commit_end_positions(rd_kafka_t* consumer, std::string const& topic, int partitions,
                                  std::chrono::steady_clock::time_point deadline);

}  // namespace fairlead::kafka
