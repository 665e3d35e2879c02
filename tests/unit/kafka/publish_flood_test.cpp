#include "unit/kafka/mock_cluster.hpp"

#include <fairlead/fairlead.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <string>

namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;

TEST(KafkaPublishFlood, WaitsForRoomInTheWindowAndIsNeverRefusedByLibrdkafkasQueue) {
  constexpr int kMessages = 100'000;
  test::MockCluster cluster;
  cluster.create("flood", 1);
  Config config;
  config.broker = cluster.url();
  config.log.level = LogLevel::kOff;
  config.destinations["flood"].declare = false;
  config.publish.window_messages = 5'000;  // delivery reports come thousands at once

  auto broker = Broker::open(config).value();
  auto flood = broker->publisher("flood").value();
  std::atomic<int> confirmed{0};
  std::string first_failure;
  for (int i = 0; i < kMessages; ++i) {
    flood.publish_async("message", {}, [&](Result<Receipt> const& result) {
      if (result) {
        ++confirmed;
      } else if (first_failure.empty()) {
        first_failure = result.error().message;
      }
    });
  }
  broker->close(30s).value();
  EXPECT_EQ(confirmed, kMessages) << first_failure;
}

}  // namespace
}  // namespace fairlead::kafka
