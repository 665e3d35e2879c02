#pragma once

#include "consume/intake.hpp"
#include "consume/source.hpp"
#include "core/thread.hpp"
#include "kafka/client_watch.hpp"
#include "kafka/due_line.hpp"
#include "kafka/fetch_waker.hpp"
#include "kafka/handover.hpp"
#include "kafka/kafka_commits.hpp"
#include "kafka/kafka_consumer.hpp"
#include "kafka/lane_map.hpp"
#include "kafka/seek_desk.hpp"
#include "resilience/backoff.hpp"

#include <fairlead/logger.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::kafka {

/// A topic of delayed retries.
struct RetryTopic {
  std::string name;
  std::chrono::milliseconds delay{0};
};

struct SourceSetup {
  NativeOptions options;  // consumer_options
  std::string topic;
  int partitions = 0;
  std::vector<RetryTopic> retries;  // of the group; read as well, each message when it is due
  bool has_group = true;            // without one: all partitions, from their ends, and nothing is committed
  StartFrom start = StartFrom::kEarliest;
  SettleConfig settle;
  BackoffPolicy backoff;  // between consumers that fail for good
  // When a session is lost librdkafka says at once that the partitions are, and the group what is ours now, as soon as
  // it is joined again. A consumer that takes longer, though there is a broker, is stuck.
  std::chrono::milliseconds until_lost{30'000};
  std::optional<std::chrono::milliseconds> until_joined;  // default: half a minute more than a join may take
  std::shared_ptr<Logger> logger;
  std::shared_ptr<KafkaLogin const> login;  // may be null
  std::optional<Credentials> credentials;   // of that login
};

/// One member of a group. Its thread serves librdkafka, hands messages to the Intake while that has room, and commits
/// what was settled; it never runs a handler. It sleeps on an eventfd that librdkafka's queues, `settle`,
/// `room_available`, `seek` and `close` signal.
///
/// A lane is a partition of the destination's topic or of a retry topic. The range assignor gives the partitions of one
/// number to one member, whatever their topic, so a key stays with its member.
class KafkaSource final : public Source {
 public:
  using Clock = std::chrono::steady_clock;

  static Result<std::unique_ptr<KafkaSource>> open(SourceSetup setup, Intake& intake, Clock::time_point deadline);
  ~KafkaSource() override;

  void settle(Lane lane, std::int64_t position) noexcept override;
  void room_available() noexcept override;
  void stop_intake() noexcept override;
  Result<void> seek(SeekTarget const& target, Clock::time_point deadline) override;
  Result<void> close(Clock::time_point deadline) override;

 private:
  static constexpr std::size_t kBatchMessages = 256;

  static constexpr std::size_t kMainTopic = 0;  // in lanes_by_place_; the retry topics follow

  struct RetryLane {
    ApartQueuePtr queue;
    DueLine<NodePtr> line;
  };
  struct LaneState {
    std::uint32_t epoch = 0;
    bool is_open = false;
    std::int64_t last = -1;
    std::unique_ptr<RetryLane> retry{};  // of a partition of a retry topic, while it is open
  };

  /// Something that was reported and may be over.
  struct Trouble {
    Error error;
    Clock::time_point ask_at;
    Clock::time_point said_at;
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
  void report_not_destroyed();

  // --- the thread ---
  void run();
  void join_group();
  void leave_group();
  /// False: it takes longer.
  bool leave_by(Clock::time_point until);
  void serve_control();
  void take_error(rd_kafka_resp_err_t code, char const* why);
  void take_log(int severity, char const* facility, char const* text);
  void say_trouble(Error const& error);
  void look_into_trouble();
  void sleep_until(Clock::time_point until);

  // --- kafka_source_start.cpp ---
  Result<void> find_start(Clock::time_point deadline);
  /// Assigned partitions in which the group has no position begin where they ended when we subscribed.
  void begin_at_start(rd_kafka_topic_partition_list_t& assigned);

  // --- kafka_source_rebuild.cpp ---
  /// Makes another consumer when this one has failed for good, and joins the group again. False: it is sound, or the
  /// next one is not to be made yet.
  bool rebuild_when_failed();
  [[nodiscard]] std::optional<std::string> failure() const;
  void let_go_of_consumer(bool is_stuck);
  void remember_positions();
  Result<void> open_consumer();

  bool deliver();
  bool deliver_fresh(Intake::Room& room);
  void fill(Inbound& node, rd_kafka_message_t& message, Lane lane);
  void report_unreadable(rd_kafka_message_t const& message);

  bool deliver_due(Intake::Room& room);
  /// Takes the lane's next message to wait until it is due; false when there is none.
  bool hold_next(std::size_t id, Instant now);
  [[nodiscard]] std::optional<Clock::time_point> next_due() const;

  void serve_seek();
  /// Nothing when it has to be tried again.
  std::optional<Result<void>> try_seek(SeekDesk::Order& order);
  void restart_lane(std::int32_t id, std::int64_t position);
  Result<void> commit_seek(Clock::time_point deadline);

  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions);
  void assign(rd_kafka_topic_partition_list_t* partitions);
  void open_lane(rd_kafka_topic_partition_t const& assigned);
  [[nodiscard]] std::optional<std::size_t> topic_index(std::string_view name) const;
  [[nodiscard]] std::string const& topic_name(std::size_t index) const;
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
  /// `kRefused`: for good; `kFailed` may do better when it is repeated.
  enum class Answer { kNone, kCommitted, kFailed, kRefused };
  Answer take_commit_answer(int timeout_ms);

  SourceSetup const setup_;
  Intake& intake_;
  std::mutex consumer_mutex_;  // for those who are not the thread
  KafkaConsumerPtr consumer_;
  std::shared_ptr<EventFd> const wake_ = std::make_shared<EventFd>();
  Destruction destruction_;
  std::shared_ptr<std::atomic<std::size_t> const> holders_;
  KafkaCommits commits_;
  SeekDesk seeks_;
  PartitionListPtr fixed_positions_;  // without a group
  PartitionListPtr start_;            // of a group whose position could not be committed yet

  std::atomic<bool> intake_stopped_{false};
  std::atomic<bool> closing_{false};
  std::mutex close_mutex_;
  Clock::time_point close_deadline_ = Clock::time_point::max();  // written before closing_, read after it
  bool left_in_time_ = false;                                    // written by the thread, read after joining it

  // The thread's own.
  LaneMap lanes_by_place_;
  std::vector<LaneState> lanes_;  // by lane id
  bool is_assigned_ = false;      // the group has said what is ours
  bool has_room_ = false;         // of the Intake, when it was asked last
  bool due_first_ = false;        // retries and fresh messages take turns
  std::optional<SeekDesk::Order> seeking_;
  std::optional<Trouble> trouble_;
  std::optional<Clock::time_point> heard_by_;  // after a lost session; later, and the consumer is stuck
  Backoff rebuild_backoff_;
  Clock::time_point rebuild_at_{};        // not before
  std::vector<Destruction> left_behind_;  // of the consumers before this one
  std::uint32_t epoch_ = 0;
  std::array<rd_kafka_message_t*, kBatchMessages> batch_{};
  std::size_t average_bytes_ = 1'024;
  std::unique_ptr<FetchWaker> waker_;
  std::chrono::milliseconds revoke_time_{5'000};
  std::chrono::milliseconds until_joined_{90'000};
  std::exception_ptr failure_;

  Thread thread_;
};

}  // namespace fairlead::kafka
