#pragma once

#include "config/broker_url.hpp"
#include "kafka/kafka_conf.hpp"
#include "kafka/kafka_producer.hpp"
#include "support/notebook.hpp"
#include "support/wait.hpp"
#include "unit/kafka/mock_cluster.hpp"

#include <fairlead/config.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace fairlead::test {

inline constexpr char const* kTopic = "orders";

/// A producer with the window and the completion thread that a broker gives it.
class ProducerRig {
 public:
  using Clock = std::chrono::steady_clock;

  /// The backoff is long: a handle that has confirmed something is replaced at once.
  explicit ProducerRig(MockCluster const& cluster, bool resends = true, NativeOptions const& options = {},
                       BackoffPolicy backoff = {std::chrono::hours(1), std::chrono::hours(1), 1.0},
                       std::chrono::milliseconds configured_deadline = std::chrono::seconds(30)) {
    Config config;
    config.broker = cluster.url();
    config.kafka.conf = options;
    config.publish.deadline = configured_deadline;
    config.connection.backoff_initial = std::chrono::milliseconds(10);
    config.connection.backoff_max = std::chrono::milliseconds(50);
    auto const client = kafka::client_options(config, parse_broker_url(config.broker).value()).value();
    kafka::ProducerSetup setup;
    setup.make_conf = [this, options = kafka::producer_options(client, config)] {
      if (no_more_handles) return Result<kafka::ConfPtr>(Error{Errc::kInternal, "no more handles"});
      auto conf = kafka::make_conf(options);
      rd_kafka_conf_interceptor_add_on_new(conf->get(), "rig", watch_requests, this);
      return conf;
    };
    setup.resends = resends;
    setup.backoff = backoff;
    setup.window = window_;
    setup.logger = log_;
    producer_ = kafka::KafkaProducer::open(std::move(setup)).value();
    topic_ = producer_->topic(kTopic).value();
  }
  ~ProducerRig() {
    close();
    window_->close();
    completions_.join();
  }

  /// Its payload is its number.
  void publish(int number, std::string const& key, std::chrono::milliseconds deadline = std::chrono::seconds(20)) {
    PublishAnswer answer;
    auto const due = Clock::now() + deadline;
    answer.done = [this, number, due](Result<Receipt> const& result) {
      std::lock_guard const lock(mutex_);
      latest_ = std::max<Clock::duration>(latest_, Clock::now() - due);
      answers_[number].push_back(result);
      something_changed();
    };
    auto& pending = *window_->acquire(10, due, true, answer).value();
    Headers const headers{{"number", std::to_string(number)}};
    Outbound message;
    auto const payload = std::to_string(number);
    message.payload = payload;
    message.key = key;
    message.headers = &headers;
    message.id = payload;
    if (auto sent = producer_->publish(*topic_, message, pending); !sent) {
      auto refused = window_->release(pending);
      if (refused.done) refused.done(Result<Receipt>(sent.error()));
    }
  }
  void fail() { rd_kafka_test_fatal_error(client().get(), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "test"); }
  void close(std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    (void)producer_->close(Clock::now() + patience);
  }

  [[nodiscard]] std::shared_ptr<rd_kafka_t> client() { return producer_->client(); }
  [[nodiscard]] BrokerHealth health() const { return producer_->health(); }
  [[nodiscard]] std::uint64_t rebuilds() const { return producer_->health().reconnects; }
  [[nodiscard]] kafka::KafkaProducer& producer() { return *producer_; }
  [[nodiscard]] Notebook const& log() const { return *log_; }
  [[nodiscard]] std::size_t pending() const { return window_->pending(); }
  [[nodiscard]] std::size_t answered() const {
    std::lock_guard const lock(mutex_);
    return answers_.size();
  }
  [[nodiscard]] std::map<int, std::vector<Result<Receipt>>> answers() const {
    std::lock_guard const lock(mutex_);
    return answers_;
  }
  [[nodiscard]] bool wait_for_answers(std::size_t count) {
    return eventually([&] { return answered() >= count; });
  }
  [[nodiscard]] Result<Receipt> answer(int number) const {
    std::lock_guard const lock(mutex_);
    return answers_.at(number).at(0);
  }

  /// How long after its deadline an answer came at the latest.
  [[nodiscard]] std::chrono::milliseconds latest() const {
    std::lock_guard const lock(mutex_);
    return std::chrono::duration_cast<std::chrono::milliseconds>(latest_);
  }

  [[nodiscard]] int produce_requests() const { return produce_requests_; }

  std::atomic<bool> no_more_handles{false};
  std::atomic<int> fails_at{-1};  // the handle that takes that many messages fails for good

 private:
  static rd_kafka_resp_err_t watch_requests(rd_kafka_t* handle, rd_kafka_conf_t const*, void* rig, char*, std::size_t) {
    rd_kafka_interceptor_add_on_send(handle, "rig", count_message, rig);
    return rd_kafka_interceptor_add_on_request_sent(handle, "rig", count_request, rig);
  }
  static rd_kafka_resp_err_t count_message(rd_kafka_t* handle, rd_kafka_message_t*, void* rig) {
    if (static_cast<ProducerRig*>(rig)->fails_at.fetch_sub(1) == 0) {
      rd_kafka_test_fatal_error(handle, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "test");
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t count_request(rd_kafka_t*, int, char const*, std::int32_t, std::int16_t api, std::int16_t,
                                           std::int32_t, std::size_t, void* rig) {
    if (api == MockCluster::kProduce) ++static_cast<ProducerRig*>(rig)->produce_requests_;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  std::atomic<int> produce_requests_{0};
  std::shared_ptr<ConfirmWindow> const window_ = std::make_shared<ConfirmWindow>(100'000, std::size_t{32} << 20);
  std::shared_ptr<Notebook> const log_ = std::make_shared<Notebook>();
  std::shared_ptr<kafka::KafkaProducer> producer_;
  kafka::ProducerTopic* topic_ = nullptr;
  std::mutex mutable mutex_;
  std::map<int, std::vector<Result<Receipt>>> answers_;
  Clock::duration latest_ = Clock::duration::zero();
  std::thread completions_{[this] {
    while (window_->run_completions(Clock::now() + std::chrono::hours(1))) {
    }
  }};
};

struct Stored {
  int number;
  std::string key;
  std::string header;
};

/// Everything in the topic, partition by partition, until as much has been read as the partitions hold.
inline std::map<int, std::vector<Stored>> read_back(MockCluster const& cluster, int partitions) {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster.get()), nullptr, 0);
  rd_kafka_conf_set(conf, "group.id", "reader", nullptr, 0);
  rd_kafka_conf_set(conf, "enable.partition.eof", "true", nullptr, 0);
  rd_kafka_conf_set(conf, "fetch.wait.max.ms", "20", nullptr, 0);
  rd_kafka_t* const reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0);
  {
    kafka::PartitionListPtr const all(rd_kafka_topic_partition_list_new(partitions));
    for (int i = 0; i < partitions; ++i) {
      rd_kafka_topic_partition_list_add(all.get(), kTopic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_assign(reader, all.get());
  }
  std::map<int, std::vector<Stored>> found;
  for (int ended = 0; ended < partitions;) {
    auto* const message = rd_kafka_consumer_poll(reader, 10'000);
    if (message == nullptr) break;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      ++ended;
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      std::string const text(static_cast<char const*>(message->payload), message->len);
      Stored stored{std::stoi(text), std::string(static_cast<char const*>(message->key), message->key_len), ""};
      rd_kafka_headers_t* headers = nullptr;
      void const* value = nullptr;
      std::size_t size = 0;
      if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
          rd_kafka_header_get_last(headers, "number", &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        stored.header.assign(static_cast<char const*>(value), size);
      }
      found[message->partition].push_back(std::move(stored));
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consumer_close(reader);
  rd_kafka_destroy(reader);
  return found;
}

/// Publishes to the rig on a thread of its own, under so many keys in turn, as much as it is allowed: the mock cluster
/// keeps 5 MB of a partition.
class ProducerLoad {
 public:
  ProducerLoad(ProducerRig& rig, int keys) : thread_([this, &rig, keys] { run(rig, keys); }) {}
  ~ProducerLoad() { stop(); }

  void allow(int more) { allowed_ += more; }
  [[nodiscard]] int allowed() const { return allowed_; }
  [[nodiscard]] int published() const { return published_; }
  void stop() {
    stops_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run(ProducerRig& rig, int keys) {
    while (!stops_) {
      if (published_ >= allowed_) {
        std::this_thread::yield();
        continue;
      }
      rig.publish(published_, "key" + std::to_string(published_ % keys), std::chrono::seconds(60));
      ++published_;
    }
  }

  std::atomic<bool> stops_{false};
  std::atomic<int> allowed_{0};
  std::atomic<int> published_{0};
  std::thread thread_;
};

}  // namespace fairlead::test
