#include "kafka/lost_position.hpp"

#include <gtest/gtest.h>

namespace fairlead::kafka {
namespace {

TEST(LostPosition, IsReadFromLibrdkafkasLog) {
  LostPosition const expected{"orders", 3};
  // 2.0.2
  EXPECT_EQ(lost_position("OFFSET",
                          "[thrd:main]: orders [3]: offset reset (at offset 17, broker 1) to BEGINNING: "
                          "fetch failed due to requested offset not available on the broker: Broker: Offset "
                          "out of range"),
            expected);
  // 2.12
  EXPECT_EQ(lost_position("OFFSET",
                          "[thrd:main]: orders [3]: offset reset (at offset 17 (leader epoch 0), broker 1) to "
                          "cached BEGINNING offset 12: fetch failed: Broker: Offset out of range"),
            expected);
  EXPECT_EQ(lost_position("OFFSET", "orders [3]: offset reset (at offset 17, broker 1) to END: x: y"), expected);
}

TEST(LostPosition, OtherRecordsAreNone) {
  EXPECT_FALSE(lost_position("FETCH", "orders [3]: offset reset (at offset 17, broker 1)"));
  EXPECT_FALSE(lost_position("OFFSET", "orders [3]: committed offset 7"));
  EXPECT_FALSE(lost_position("OFFSET", "orders [x]: offset reset (at offset 17"));
  EXPECT_FALSE(lost_position("OFFSET", "]: offset reset (at "));
  EXPECT_FALSE(lost_position("OFFSET", " [99999999999]: offset reset (at offset"));
  EXPECT_FALSE(lost_position("", ""));
}

}  // namespace
}  // namespace fairlead::kafka
