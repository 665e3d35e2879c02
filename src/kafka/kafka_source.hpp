#pragma once

#include "consume/intake.hpp"
#include "consume/source.hpp"
#include "core/thread.hpp"
#include "kafka/fetch_waker.hpp"
#include "kafka/kafka_commits.hpp"
#include "kafka/kafka_consumer.hpp"

#include <fairlead/logger.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fairlead::kafka {

struct SourceSetup {
  NativeOptions options;  // consumer_options
  std::string topic;
  int partitions = 0;
  bool has_group = true;  // without one: all partitions, from their ends, and nothing is committed
  StartFrom start = StartFrom::kEarliest;
  std::shared_ptr<Logger> logger;
};

/// One member of a group. Its thread serves librdkafka, hands messages to the Intake while that has room, and commits
/// what was settled; it never runs a handler. It sleeps on an eventfd that librdkafka's queues, `settle`,
/// `room_available` and `close` signal.
class KafkaSource final : public Source {
 public:
  using Clock = std::chrono::steady_clock;

  static Result<std::unique_ptr<KafkaSource>> open(SourceSetup setup, Intake& intake, Clock::time_point deadline);
  ~KafkaSource() override;

  void settle(Lane lane, std::int64_t position) noexcept override;
  void room_available() noexcept override;
  void stop_intake() noexcept override;
  Result<void> close(Clock::time_point deadline) override;

 private:
  static constexpr std::size_t kBatchMessages = 256;

  struct LaneState {
    std::uint32_t epoch = 0;
    bool is_open = false;
    std::int64_t last = -1;
  };

  KafkaSource(SourceSetup setup, Intake& intake);
  void prepare(rd_kafka_conf_t* conf);
  /// Runs a callback of librdkafka's; what it throws is thrown again when librdkafka has returned.
  template <class F>
  void guard(F callback) noexcept {
    try {
      callback();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  Result<void> find_start(Clock::time_point deadline);

  // --- the thread ---
  void run();
  void join_group();
  void leave_group();
  void serve_control();
  void take_error(rd_kafka_resp_err_t code, char const* why);
  void sleep_until(Clock::time_point until);

  bool deliver();
  void fill(Inbound& node, rd_kafka_message_t& message, LaneState const& lane);

  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions);
  void assign(rd_kafka_topic_partition_list_t* partitions);
  void revoke();
  void close_lanes();
  template <class F>
  void for_open_lanes(F each) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (lanes_[i].is_open) each(Lane{static_cast<std::int32_t>(i), lanes_[i].epoch});
    }
  }

  void commit_when_due();
  void start_commit();
  void commit_everything(Clock::time_point deadline);
  enum class Answer { kNone, kCommitted, kFailed };
  Answer take_commit_answer(int timeout_ms);

  SourceSetup const setup_;
  Intake& intake_;
  KafkaConsumerPtr consumer_;
  std::shared_ptr<EventFd> wake_;
  Destruction destruction_;
  KafkaCommits commits_;
  PartitionListPtr fixed_positions_;  // without a group

  std::atomic<bool> intake_stopped_{false};
  std::atomic<bool> closing_{false};
  std::mutex close_mutex_;
  Clock::time_point close_deadline_ = Clock::time_point::max();  // written before closing_, read after it
  bool left_in_time_ = false;                                    // written by the thread, read after joining it

  // The thread's own.
  std::vector<LaneState> lanes_;  // by partition
  std::uint32_t epoch_ = 0;
  std::array<rd_kafka_message_t*, kBatchMessages> batch_{};
  std::size_t average_bytes_ = 1'024;
  std::unique_ptr<FetchWaker> waker_;
  std::chrono::milliseconds revoke_time_{5'000};
  std::exception_ptr failure_;

  Thread thread_;
};

}  // namespace fairlead::kafka
