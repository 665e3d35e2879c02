#include "core/murmur2.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead {
namespace {

TEST(Murmur2, AgreesWithKafkasJavaClient) {
  // From org.apache.kafka.common.utils.UtilsTest.
  struct Vector {
    std::string_view bytes;
    std::int32_t hash;
  };
  constexpr Vector kVectors[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (auto const& [bytes, hash] : kVectors) EXPECT_EQ(static_cast<std::int32_t>(murmur2(bytes)), hash) << bytes;
}

TEST(Murmur2, TakesAnyBytes) {
  std::string const zeros(5, '\0');
  std::string const high(5, '\xff');
  EXPECT_NE(murmur2(zeros), murmur2(high));
  EXPECT_NE(murmur2(zeros), murmur2(zeros.substr(1)));
  EXPECT_EQ(murmur2({}), murmur2(std::string_view("x").substr(1)));
}

TEST(PartitionOf, DropsTheSignAsTheJavaClientDoes) {
  // `foobar` hashes to a negative number; Kafka takes (hash & 0x7fffffff) % partitions.
  EXPECT_EQ(partition_of("foobar", 6), (-790332482 & 0x7fffffff) % 6);
  EXPECT_EQ(partition_of("abc", 6), 479470107 % 6);
}

TEST(PartitionOf, StaysBelowTheNumberOfPartitions) {
  for (int partitions : {1, 2, 7, 1024}) {
    bool last_is_used = false;
    for (int i = 0; i < 20'000; ++i) {
      auto const partition = partition_of("user-" + std::to_string(i), partitions);
      ASSERT_GE(partition, 0);
      ASSERT_LT(partition, partitions);
      last_is_used = last_is_used || partition == partitions - 1;
    }
    EXPECT_TRUE(last_is_used) << partitions;
  }
}

}  // namespace
}  // namespace fairlead
