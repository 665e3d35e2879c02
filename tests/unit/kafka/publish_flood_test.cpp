#include <fairlead/fairlead.hpp>

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>  // needs rdkafka.h before it

#include <atomic>
#include <memory>
#include <string>

namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;

/// librdkafka's own stand-in for a cluster, with one topic.
class MockCluster {
 public:
  explicit MockCluster(std::string const& topic)
      : handle_(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nullptr, 0)),
        cluster_(rd_kafka_mock_cluster_new(handle_, 1)) {
    rd_kafka_mock_topic_create(cluster_, topic.c_str(), 1, 1);
  }
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  MockCluster(MockCluster const&) = delete;
  MockCluster& operator=(MockCluster const&) = delete;

  [[nodiscard]] std::string url() const { return "kafka://" + std::string(rd_kafka_mock_cluster_bootstraps(cluster_)); }

 private:
  rd_kafka_t* handle_;
  rd_kafka_mock_cluster_t* cluster_;
};

TEST(KafkaPublishFlood, WaitsForRoomInTheWindowAndIsNeverRefusedByLibrdkafkasQueue) {
  constexpr int kMessages = 100'000;
  MockCluster const cluster("flood");
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
