#include "config/broker_url.hpp"
#include "kafka/kafka_conf.hpp"
#include "kafka/kafka_producer.hpp"
#include "support/notebook.hpp"
#include "support/resources.hpp"
#include "support/wait.hpp"
#include "unit/kafka/mock_cluster.hpp"

#include <fairlead/config.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

// What becomes of publishes when librdkafka's producer fails for good (rd_kafka_fatal_error).
namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::MockCluster;
using test::Notebook;
using test::something_changed;
using Clock = std::chrono::steady_clock;

constexpr auto kDeadline = 20s;
char const* const kTopic = "orders";

/// A producer with the window and the completion thread that a broker gives it.
class Rig {
 public:
  /// The backoff is long: a handle that has confirmed something is replaced at once.
  explicit Rig(MockCluster const& cluster, bool resends = true, NativeOptions const& options = {},
               BackoffPolicy backoff = {1h, 1h, 1.0}) {
    Config config;
    config.broker = cluster.url();
    config.kafka.conf = options;
    config.connection.backoff_initial = 10ms;
    config.connection.backoff_max = 50ms;
    auto const client = client_options(config, parse_broker_url(config.broker).value()).value();
    ProducerSetup setup;
    setup.make_conf = [this, options = producer_options(client, config)] {
      if (no_more_handles) return Result<ConfPtr>(Error{Errc::kInternal, "no more handles"});
      auto conf = make_conf(options);
      rd_kafka_conf_interceptor_add_on_new(conf->get(), "rig", watch_requests, this);
      return conf;
    };
    setup.resends = resends;
    setup.backoff = backoff;
    setup.window = window_;
    setup.logger = log_;
    producer_ = KafkaProducer::open(std::move(setup)).value();
    topic_ = producer_->topic(kTopic).value();
  }
  ~Rig() {
    close();
    window_->close();
    completions_.join();
  }

  /// Its payload is its number.
  void publish(int number, std::string const& key, std::chrono::milliseconds deadline = kDeadline) {
    PublishAnswer answer;
    answer.done = [this, number](Result<Receipt> const& result) {
      std::lock_guard const lock(mutex_);
      answers_[number].push_back(result);
      something_changed();
    };
    auto& pending = *window_->acquire(10, Clock::now() + deadline, true, answer).value();
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
  void close(std::chrono::milliseconds patience = 10s) { (void)producer_->close(Clock::now() + patience); }

  [[nodiscard]] std::shared_ptr<rd_kafka_t> client() { return producer_->client(); }
  [[nodiscard]] BrokerHealth health() const { return producer_->health(); }
  [[nodiscard]] std::uint64_t rebuilds() const { return producer_->health().reconnects; }
  [[nodiscard]] KafkaProducer& producer() { return *producer_; }
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

  [[nodiscard]] int produce_requests() const { return produce_requests_; }

  std::atomic<bool> no_more_handles{false};
  std::atomic<int> fails_at{-1};  // the handle that takes that many messages fails for good

 private:
  static rd_kafka_resp_err_t watch_requests(rd_kafka_t* handle, rd_kafka_conf_t const*, void* rig, char*, std::size_t) {
    rd_kafka_interceptor_add_on_send(handle, "rig", count_message, rig);
    return rd_kafka_interceptor_add_on_request_sent(handle, "rig", count_request, rig);
  }
  static rd_kafka_resp_err_t count_message(rd_kafka_t* handle, rd_kafka_message_t*, void* rig) {
    if (static_cast<Rig*>(rig)->fails_at.fetch_sub(1) == 0) {
      rd_kafka_test_fatal_error(handle, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "test");
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t count_request(rd_kafka_t*, int, char const*, std::int32_t, std::int16_t api, std::int16_t,
                                           std::int32_t, std::size_t, void* rig) {
    if (api == MockCluster::kProduce) ++static_cast<Rig*>(rig)->produce_requests_;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  std::atomic<int> produce_requests_{0};
  std::shared_ptr<ConfirmWindow> const window_ = std::make_shared<ConfirmWindow>(100'000, std::size_t{32} << 20);
  std::shared_ptr<Notebook> const log_ = std::make_shared<Notebook>();
  std::shared_ptr<KafkaProducer> producer_;
  ProducerTopic* topic_ = nullptr;
  std::mutex mutable mutex_;
  std::map<int, std::vector<Result<Receipt>>> answers_;
  std::thread completions_{[this] {
    while (window_->run_completions(Clock::now() + 1h)) {
    }
  }};
};

/// FAIRLEAD_FAILURES makes a longer run of it.
int number_of_failures() {
  char const* const wanted = std::getenv("FAIRLEAD_FAILURES");
  return wanted != nullptr ? std::atoi(wanted) : 100;
}

struct Stored {
  int number;
  std::string key;
  std::string header;
};

/// Everything in the topic, partition by partition, until as much has been read as the partitions hold.
std::map<int, std::vector<Stored>> read_back(MockCluster const& cluster, int partitions) {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster.get()), nullptr, 0);
  rd_kafka_conf_set(conf, "group.id", "reader", nullptr, 0);
  rd_kafka_conf_set(conf, "enable.partition.eof", "true", nullptr, 0);
  rd_kafka_conf_set(conf, "fetch.wait.max.ms", "20", nullptr, 0);
  rd_kafka_t* const reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0);
  {
    PartitionListPtr const all(rd_kafka_topic_partition_list_new(partitions));
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

TEST(KafkaProducerRebuild, AHandleThatFailedForGoodIsReplacedAndWhatItLeftIsPublishedAgain) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  rd_kafka_mock_broker_set_down(cluster.get(), 1);  // so that everything is still queued
  Rig rig(cluster);
  for (int i = 0; i < 100; ++i) rig.publish(i, "k");

  rig.fail();
  for (int i = 100; i < 200; ++i) rig.publish(i, "k");  // while there is no sound handle
  ASSERT_TRUE(eventually([&] { return rig.rebuilds() == 1; }));
  rd_kafka_mock_broker_set_up(cluster.get(), 1);

  ASSERT_TRUE(rig.wait_for_answers(200));
  for (auto const& [number, results] : rig.answers()) {
    ASSERT_EQ(results.size(), 1U) << number;
    EXPECT_TRUE(results[0]) << number << ": " << results[0].error().message;
  }
  auto const stored = read_back(cluster, 1).at(0);
  ASSERT_EQ(stored.size(), 200U);
  for (int i = 0; i < 200; ++i) {
    auto const& message = stored[static_cast<std::size_t>(i)];
    EXPECT_EQ(message.number, i);
    EXPECT_EQ(message.key, "k");
    EXPECT_EQ(message.header, std::to_string(i));
  }
}

TEST(KafkaProducerRebuild, AHandleThatFailsWhileItTakesWhatTheLastOneLeftIsReplacedAsWell) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  rd_kafka_mock_broker_set_down(cluster.get(), 1);
  Rig rig(cluster, true, {}, {10ms, 10ms, 1.0});
  for (int i = 0; i < 100; ++i) rig.publish(i, "k");
  rig.fails_at = 30;
  rig.fail();
  for (int i = 100; i < 200; ++i) rig.publish(i, "k");
  ASSERT_TRUE(eventually([&] { return rig.rebuilds() == 2; }));
  rd_kafka_mock_broker_set_up(cluster.get(), 1);

  ASSERT_TRUE(rig.wait_for_answers(200));
  auto const stored = read_back(cluster, 1).at(0);
  ASSERT_EQ(stored.size(), 200U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(stored[static_cast<std::size_t>(i)].number, i);
}

TEST(KafkaProducerRebuild, WhatWaitsInLineEndsByItsDeadlineAsNeverSent) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster, true, {}, {10ms, 10ms, 1.0});
  rig.publish(0, "k");
  ASSERT_TRUE(rig.wait_for_answers(1));
  rig.no_more_handles = true;
  rig.fail();
  rig.publish(1, "k", 1s);
  rig.publish(2, "k");
  ASSERT_TRUE(rig.wait_for_answers(2));
  ASSERT_FALSE(rig.answer(1));
  EXPECT_FALSE(rig.answer(1).error().maybe_applied) << rig.answer(1).error().message;
  EXPECT_EQ(rig.health().state, ConnectionState::kConnecting);
  EXPECT_TRUE(rig.health().problem);

  rig.no_more_handles = false;
  ASSERT_TRUE(rig.wait_for_answers(3));
  EXPECT_TRUE(rig.answer(2));
  EXPECT_TRUE(rig.health().is_healthy());
  EXPECT_EQ(read_back(cluster, 1).at(0).size(), 2U);
}

TEST(KafkaProducerHealth, SaysThatNoBrokerIsLeftAndThatOneIsBackThoughNothingIsPublished) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster);
  rig.publish(0, "k");
  ASSERT_TRUE(rig.wait_for_answers(1));
  EXPECT_TRUE(rig.health().is_healthy());

  rd_kafka_mock_broker_set_down(cluster.get(), 1);
  ASSERT_TRUE(eventually([&] { return rig.health().state == ConnectionState::kConnecting; }));
  ASSERT_TRUE(rig.health().problem);
  auto const code = rig.health().problem->code;
  EXPECT_TRUE(code == Errc::kNotConnected || code == Errc::kConnectionLost) << rig.health().problem->message;

  rd_kafka_mock_broker_set_up(cluster.get(), 1);
  ASSERT_TRUE(eventually([&] { return rig.health().is_healthy(); }));
  EXPECT_EQ(rig.health().reconnects, 1U);
}

TEST(KafkaProducerRebuild, FatalAnswersOfTheBrokerAreSurvived) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster);
  rig.publish(0, "k");
  ASSERT_TRUE(rig.wait_for_answers(1));
  int number = 1;
  for (auto const error :
       {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER}) {
    auto const before = rig.rebuilds();
    cluster.push_errors(MockCluster::kProduce, {error});
    rig.publish(number++, "k");
    ASSERT_TRUE(rig.wait_for_answers(static_cast<std::size_t>(number)));
    EXPECT_EQ(rig.rebuilds(), before + 1);
    EXPECT_TRUE(rig.answer(number - 1));
  }
  auto const told = rig.log().entries("kafka");
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), [](auto const& entry) {
    return entry.text.find("failed for good and is made anew: ") != std::string::npos &&
           entry.text.find("sequence desynchronization") != std::string::npos;
  }));
}

TEST(KafkaProducerRebuild, ManyFailuresUnderLoadLoseNothingAndAnswerEachPublishOnce) {
  int const failures = number_of_failures();
  constexpr int kPerFailure = 50;
  constexpr int kPartitions = 4;
  constexpr int kKeys = 16;
  MockCluster cluster;
  cluster.create(kTopic, kPartitions);
  Rig rig(cluster, true, {{"linger.ms", "1"}}, {10ms, 100ms, 2.0});
  std::atomic<bool> stop{false};
  std::atomic<int> allowed{0};  // the mock cluster keeps 5 MB of a partition
  std::atomic<int> published{0};
  std::thread load([&] {
    while (!stop) {
      if (published >= allowed) {
        std::this_thread::yield();
        continue;
      }
      rig.publish(published, "key" + std::to_string(published % kKeys), 60s);
      ++published;
    }
  });
  auto const began = Clock::now();
  std::chrono::nanoseconds longest{0};
  for (int i = 0; i < failures; ++i) {
    allowed += kPerFailure;
    auto const answered = rig.answered();
    EXPECT_TRUE(eventually([&] { return rig.answered() > answered; }));
    auto const failed_at = Clock::now();
    rig.fail();
    ASSERT_TRUE(eventually([&] { return rig.rebuilds() == static_cast<std::uint64_t>(i) + 1; }, 10s));
    longest = std::max<std::chrono::nanoseconds>(longest, Clock::now() - failed_at);
  }
  stop = true;
  load.join();
  ASSERT_TRUE(rig.wait_for_answers(static_cast<std::size_t>(published)));
  rig.close();
  EXPECT_EQ(rig.pending(), 0U);

  std::size_t confirmed = 0;
  auto const answers = rig.answers();
  std::map<int, int> copies;
  std::size_t stored = 0;
  for (auto const& [partition, messages] : read_back(cluster, kPartitions)) {
    std::map<std::string, int> newest;
    for (auto const& message : messages) {
      ++stored;
      if (++copies[message.number] > 1) continue;  // a copy of one that was there before
      auto const [last, is_first] = newest.try_emplace(message.key, message.number);
      EXPECT_TRUE(is_first || last->second < message.number) << "order of key " << message.key;
      last->second = message.number;
    }
  }
  for (auto const& [number, results] : answers) {
    ASSERT_EQ(results.size(), 1U) << number;
    if (!results[0]) {
      EXPECT_TRUE(results[0].error().maybe_applied || copies.count(number) == 0) << results[0].error().message;
      continue;
    }
    ++confirmed;
    EXPECT_EQ(copies.count(number), 1U) << "confirmed and lost: " << number;
  }
  auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(longest).count();
  std::printf("%d failures in %.1f s: %d published, %zu confirmed, %zu stored twice, longest rebuild %lld ms\n",
              failures, std::chrono::duration<double>(Clock::now() - began).count(), published.load(), confirmed,
              stored - copies.size(), static_cast<long long>(ms));
  EXPECT_EQ(confirmed, static_cast<std::size_t>(published));
}

TEST(KafkaProducerRebuild, MemoryDescriptorsAndThreadsStayAsTheyWere) {
  int const failures = number_of_failures();
  int const warm_up = failures / 5;
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster, true, {{"linger.ms", "1"}}, {10ms, 10ms, 1.0});
  test::Resources before;
  for (int i = 0; i < failures; ++i) {
    if (i == warm_up) before = test::Resources::now();
    rig.publish(i, "k");
    ASSERT_TRUE(rig.wait_for_answers(static_cast<std::size_t>(i) + 1));
    if (i % 2 == 0) {
      auto const reconnects = rig.rebuilds();
      rig.fail();
      ASSERT_TRUE(eventually([&] { return rig.rebuilds() > reconnects; }));
    } else {
      rd_kafka_mock_broker_set_down(cluster.get(), 1);  // its connections are cut
      rd_kafka_mock_broker_set_up(cluster.get(), 1);
    }
  }
  auto const is_flat = [&] {
    auto const now = test::Resources::now();
    // An ended handle goes on a thread of its own, in its own time.
    return now.descriptors <= before.descriptors + 4 && now.threads <= before.threads + 4;
  };
  EXPECT_TRUE(eventually(is_flat));
  auto const after = test::Resources::now();
  std::printf("%d lost handles and connections: resident %zu -> %zu KiB, descriptors %zu -> %zu, threads %zu -> %zu\n",
              failures, before.resident_kib, after.resident_kib, before.descriptors, after.descriptors, before.threads,
              after.threads);
  EXPECT_LE(after.resident_kib, before.resident_kib + (test::kIsSanitized ? 1'000'000 : 16'384));
}

TEST(KafkaProducerRebuild, ReportedInsteadOfPublishedAgainWhenSoConfigured) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  rd_kafka_mock_broker_set_down(cluster.get(), 1);
  Rig rig(cluster, false);
  rig.publish(0, "k");

  rig.fail();
  ASSERT_TRUE(rig.wait_for_answers(1));
  ASSERT_FALSE(rig.answer(0));
  EXPECT_EQ(rig.answer(0).error().code, Errc::kConnectionLost);
  EXPECT_FALSE(rig.answer(0).error().maybe_applied) << "it was never sent";

  rd_kafka_mock_broker_set_up(cluster.get(), 1);
  rig.publish(1, "k");
  ASSERT_TRUE(rig.wait_for_answers(2));
  EXPECT_TRUE(rig.answer(1)) << "the next handle works";
  EXPECT_EQ(read_back(cluster, 1).at(0).size(), 1U);
}

// Two batches on their way, of which the leader refuses the first: librdkafka calls it "implicitly acked" when the
// second succeeds, though it is in no log.
void publish_two_and_refuse_the_first(MockCluster const& cluster, Rig& rig) {
  rd_kafka_mock_broker_set_rtt(cluster.get(), 1, 200);
  rd_kafka_mock_push_request_errors(cluster.get(), MockCluster::kProduce, 1,
                                    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
  rig.publish(0, "k");
  rig.publish(1, "k");
}

TEST(KafkaProducerReports, SuccessOfALaterBatchDoesNotConfirmARefusedOneWhichIsSentAgain) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster, true, {{"linger.ms", "0"}, {"batch.num.messages", "1"}});
  publish_two_and_refuse_the_first(cluster, rig);
  ASSERT_TRUE(rig.wait_for_answers(2));
  std::vector<int> stored;
  auto const log = read_back(cluster, 1);
  for (auto const& message : log.at(0)) stored.push_back(message.number);
  for (auto const& [number, results] : rig.answers()) {
    EXPECT_TRUE(results.at(0));
    EXPECT_GE(results.at(0)->position, 0);
    EXPECT_EQ(std::count(stored.begin(), stored.end(), number), 1) << "confirmed and lost: " << number;
  }
}

TEST(KafkaProducerReports, SuccessOfALaterBatchIsNoConfirmationWhenUnconfirmedOnesAreReported) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster, false, {{"linger.ms", "0"}, {"batch.num.messages", "1"}});
  publish_two_and_refuse_the_first(cluster, rig);
  ASSERT_TRUE(rig.wait_for_answers(2));
  ASSERT_FALSE(rig.answer(0));
  EXPECT_TRUE(rig.answer(0).error().maybe_applied);
  EXPECT_TRUE(rig.answer(1));
}

TEST(KafkaProducerRebuild, OnceItMayHaveBeenPersistedAMessageNeverEndsAsNotPersisted) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  Rig rig(cluster);
  rig.publish(0, "k");
  ASSERT_TRUE(rig.wait_for_answers(1));
  rd_kafka_mock_broker_set_rtt(cluster.get(), 1, 60'000);  // in flight from here on
  rig.publish(1, "k", 4s);
  ASSERT_TRUE(eventually([&] { return rig.produce_requests() == 2; }));

  rig.fail();
  ASSERT_TRUE(eventually([&] { return rig.rebuilds() == 1; }));
  rig.close(100ms);  // the next handle has not sent it

  ASSERT_TRUE(rig.wait_for_answers(2));
  ASSERT_FALSE(rig.answer(1));
  EXPECT_TRUE(rig.answer(1).error().maybe_applied) << rig.answer(1).error().message;
}

TEST(KafkaProducerRebuild, ClosingIsNotHeldUpByHandlesThatFailAgainAndAgain) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  rd_kafka_mock_broker_set_down(cluster.get(), 1);
  Rig rig(cluster, true, {}, {10ms, 100ms, 2.0});
  for (int i = 0; i < 10; ++i) rig.publish(i, "k");
  for (std::uint64_t i = 0; i < 5; ++i) {
    rig.fail();
    ASSERT_TRUE(eventually([&] { return rig.rebuilds() > i; }));
  }
  rig.fail();
  rig.publish(10, "k");

  rig.close(500ms);

  ASSERT_TRUE(rig.wait_for_answers(11));
  for (auto const& [number, results] : rig.answers()) {
    EXPECT_EQ(results.size(), 1U) << number;
    ASSERT_FALSE(results[0]) << number;
    EXPECT_FALSE(results[0].error().maybe_applied) << "never sent: " << number;
  }
  EXPECT_EQ(rig.pending(), 0U);
}

TEST(KafkaProducerRebuild, AHandleThatDoesNotEndIsLeftBehindAndSaidSo) {
  MockCluster cluster;
  cluster.create(kTopic, 1);
  auto rig = std::make_unique<Rig>(cluster);
  auto const client = rig->client();
  rd_kafka_topic_t* const forgotten =
      rd_kafka_topic_new(client.get(), "forgotten", nullptr);  // destroying waits for it

  rig->close(300ms);

  auto const told = rig->log().entries("kafka");
  ASSERT_FALSE(told.empty());
  EXPECT_NE(told.back().text.find("left behind"), std::string::npos) << told.back().text;
  rd_kafka_topic_destroy(forgotten);
}

}  // namespace
}  // namespace fairlead::kafka
