#pragma once

#include "kafka/handles.hpp"

#include <fairlead/result.hpp>
#include <fairlead/subscription.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace fairlead::kafka {

/// The offsets that the target means, by partition. kInvalidArgument for a position that the partition does not have:
/// librdkafka would start from the oldest message instead. Blocks until `deadline` at most.
[[nodiscard]] Result<std::map<std::int32_t, std::int64_t>> seek_positions(
    rd_kafka_t* consumer, std::string const& topic, int partitions, SeekTarget const& target,
    std::chrono::steady_clock::time_point deadline);

}  // namespace fairlead::kafka
