#pragma once

#include <cstdint>
#include <string_view>

namespace fairlead {

/// The 32-bit murmur2 of Kafka's Java client (seed 0x9747b28c).
[[nodiscard]] std::uint32_t murmur2(std::string_view bytes) noexcept;

/// The partition Kafka's default partitioner chooses for a key: (murmur2 & 0x7fffffff) % partitions.
[[nodiscard]] std::int32_t partition_of(std::string_view key, int partitions) noexcept;

}  // namespace fairlead
