#include "kafka/lane_map.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>

namespace fairlead::kafka {
namespace {

TEST(LaneMap, EveryPartitionOfEveryTopicHasALaneOfItsOwn) {
  LaneMap map;
  std::set<std::int32_t> lanes;
  for (std::size_t topic = 0; topic < 3; ++topic) {
    for (std::int32_t partition = 0; partition < 4; ++partition) lanes.insert(map.lane_of({topic, partition}));
  }
  EXPECT_EQ(lanes.size(), 12U);
  EXPECT_EQ(*lanes.begin(), 0) << "tables are indexed by them";
  EXPECT_EQ(*lanes.rbegin(), 11);
}

TEST(LaneMap, LaneStaysWithItsPartitionWhateverComesLater) {
  LaneMap map;
  auto const lane = map.lane_of({1, 5});
  (void)map.lane_of({0, 0});
  (void)map.lane_of({2, 9});
  EXPECT_EQ(map.lane_of({1, 5}), lane);
  EXPECT_EQ(map.find({1, 5}), lane);
  EXPECT_EQ(map.place_of(lane), (LaneMap::Place{1, 5}));
}

TEST(LaneMap, PartitionThatNeverHadALaneIsNotFound) {
  LaneMap map;
  (void)map.lane_of({1, 3});
  EXPECT_EQ(map.find({0, 3}), std::nullopt);
  EXPECT_EQ(map.find({1, 2}), std::nullopt);
  EXPECT_EQ(map.find({1, 4}), std::nullopt);
  EXPECT_EQ(map.find({2, 3}), std::nullopt);
}

}  // namespace
}  // namespace fairlead::kafka
