#pragma once

#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>  // needs rdkafka.h before it

#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::test {

/// librdkafka's own stand-in for a cluster.
class MockCluster {
 public:
  static constexpr std::int16_t kProduce = 0;
  static constexpr std::int16_t kFindCoordinator = 10;
  static constexpr std::int16_t kJoinGroup = 11;
  static constexpr std::int16_t kHeartbeat = 12;
  static constexpr std::int16_t kOffsetCommit = 8;

  explicit MockCluster(int brokers = 1)
      : handle_(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nullptr, 0)),
        cluster_(rd_kafka_mock_cluster_new(handle_, brokers)) {}
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  MockCluster(MockCluster const&) = delete;
  MockCluster& operator=(MockCluster const&) = delete;

  void create(std::string const& topic, int partitions, int replicas = 1) {
    rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, replicas);
  }
  /// The next requests of that kind are answered so.
  void push_errors(std::int16_t request, std::vector<rd_kafka_resp_err_t> const& errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, request, errors.size(), errors.data());
  }
  /// The next request of that kind to that broker has no effect and gets no answer.
  void ignore_next(std::int16_t request, int broker) {
    constexpr int kAnHour = 3'600'000;
    rd_kafka_mock_broker_push_request_error_rtts(cluster_, broker, request, 1,
                                                 RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, kAnHour);
  }

  [[nodiscard]] rd_kafka_mock_cluster_t* get() const noexcept { return cluster_; }
  [[nodiscard]] std::string url() const { return "kafka://" + std::string(rd_kafka_mock_cluster_bootstraps(cluster_)); }

 private:
  rd_kafka_t* handle_;
  rd_kafka_mock_cluster_t* cluster_;
};

}  // namespace fairlead::test
