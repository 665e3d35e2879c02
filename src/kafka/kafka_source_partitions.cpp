#include "kafka/kafka_admin.hpp"
#include "kafka/kafka_error.hpp"
#include "kafka/kafka_source.hpp"
#include "observe/logging.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

// The part of KafkaSource that follows the group's rebalances and commits. Eager protocol: an assignment is complete,
// and is revoked as a whole before the next one.
namespace fairlead::kafka {
namespace {

// For the last commit when the deadline of close has passed; it is a part of the time there is for leaving.
constexpr std::chrono::milliseconds kLastCommit{500};

/// The group moves on without this assignment; the next one starts from the last commit.
bool is_outdated(rd_kafka_resp_err_t code) noexcept {
  return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         code == RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST;
}

}  // namespace

void KafkaSource::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions) {
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    heard_by_.reset();
    assign(partitions);
  } else {
    if (heard_by_) heard_by_ = Clock::now() + until_joined_;
    revoke();
    if (what != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) intake_.report(to_error(what, "rebalance of the group"));
  }
}

void KafkaSource::assign(rd_kafka_topic_partition_list_t* partitions) {
  ++epoch_;
  is_assigned_ = true;
  if (start_) begin_at_start(*partitions);
  for (int i = 0; i < partitions->cnt; ++i) open_lane(partitions->elems[i]);
  auto const code = rd_kafka_assign(consumer_->handle(), partitions);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) intake_.report(to_error(code, "taking the assigned partitions"));
}

void KafkaSource::open_lane(rd_kafka_topic_partition_t const& assigned) {
  auto const topic = topic_index(assigned.topic);
  if (!topic) return;  // not what was subscribed to
  LaneState state{epoch_, true, -1};
  if (*topic == kMainTopic) {
    if (auto redirected = consumer_->redirect(assigned.topic, assigned.partition); !redirected) {
      return intake_.report(redirected.error());
    }
  } else {
    auto queue = consumer_->keep_apart(assigned.topic, assigned.partition);
    if (!queue) return intake_.report(queue.error());
    auto const delay = setup_.retries[*topic - 1].delay;
    state.retry.reset(new RetryLane{*std::move(queue), DueLine<NodePtr>(delay)});
  }
  Lane const lane{lanes_by_place_.lane_of({*topic, assigned.partition}), epoch_};
  auto const index = static_cast<std::size_t>(lane.id);
  if (index >= lanes_.size()) lanes_.resize(index + 1);
  lanes_[index] = std::move(state);
  commits_.open(lane);
  if (setup_.has_group && assigned.offset >= 0) commits_.restart(lane, assigned.offset, Clock::now());
  intake_.open_lane(lane);
}

std::optional<std::size_t> KafkaSource::topic_index(std::string_view name) const {
  for (std::size_t i = kMainTopic; i <= setup_.retries.size(); ++i) {
    if (topic_name(i) == name) return i;
  }
  return std::nullopt;
}

std::string const& KafkaSource::topic_name(std::size_t index) const {
  return index == kMainTopic ? setup_.topic : setup_.retries[index - 1].name;
}

void KafkaSource::revoke() {
  is_assigned_ = false;
  auto deadline = Clock::now() + revoke_time_;
  bool const is_closing = closing_.load(std::memory_order_acquire);
  if (is_closing) deadline = std::min(deadline, close_deadline_);
  bool const is_lost = rd_kafka_assignment_lost(consumer_->handle()) != 0;
  for_open_lanes([&](Lane lane) { is_lost ? intake_.lose_lane(lane) : intake_.revoke_lane(lane, deadline); });
  auto const commit_by =
      is_closing ? std::max(close_deadline_, Clock::now() + kLastCommit) : deadline + revoke_time_ / 2;
  if (!is_lost) commit_everything(commit_by);
  close_lanes();
  rd_kafka_assign(consumer_->handle(), nullptr);
}

void KafkaSource::close_lanes() {
  if (auto const left = commits_.waiting(); left > 0) {
    log(*setup_.logger, LogLevel::kWarn, "kafka",
        "what was settled and not committed comes again to whoever is assigned the partitions next",
        {LogField{"topic", std::string_view(setup_.topic)}, LogField{"partitions", static_cast<std::int64_t>(left)}});
  }
  for_open_lanes([this](Lane lane) {
    commits_.close(lane);
    auto& state = lanes_[static_cast<std::size_t>(lane.id)];
    state.is_open = false;
    state.retry.reset();
  });
}

void KafkaSource::commit_when_due() {
  while (take_commit_answer(0) != Answer::kNone) {
  }
  if (auto const due = commits_.due(); due && *due <= Clock::now()) start_commit();
}

void KafkaSource::start_commit() {
  auto const offsets = commits_.begin(Clock::now());
  if (offsets.empty()) return;
  PartitionListPtr const list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (auto const& [lane, next] : offsets) {
    auto const place = lanes_by_place_.place_of(lane);
    rd_kafka_topic_partition_list_add(list.get(), topic_name(place.topic).c_str(), place.partition)->offset = next;
  }
  auto const code = rd_kafka_commit_queue(consumer_->handle(), list.get(), consumer_->commits(), nullptr, nullptr);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  commits_.end(false, Clock::now());
  intake_.report(to_error(code, "committing"));
}

void KafkaSource::commit_everything(Clock::time_point deadline) {
  while (commits_.in_flight() || commits_.due()) {
    if (!commits_.in_flight()) {
      auto const due = *commits_.due();
      if (due > std::max(deadline, Clock::now())) return;
      while (Clock::now() < due) sleep_until(due);
      start_commit();
    }
    if (!commits_.in_flight()) return;  // librdkafka takes none, or nothing is left
    auto const answer = take_commit_answer(milliseconds_until(deadline));
    if (answer == Answer::kNone || answer == Answer::kRefused) return;
    if (answer == Answer::kFailed && Clock::now() >= deadline) return;
  }
}

KafkaSource::Answer KafkaSource::take_commit_answer(int timeout_ms) {
  if (!commits_.in_flight()) return Answer::kNone;
  EventPtr const event(rd_kafka_queue_poll(consumer_->commits(), timeout_ms));
  if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_OFFSET_COMMIT) return Answer::kNone;
  auto code = rd_kafka_event_error(event.get());
  auto const* const list = rd_kafka_event_topic_partition_list(event.get());
  for (int i = 0; list != nullptr && code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; ++i) {
    code = list->elems[i].err;
  }
  bool const committed = code == RD_KAFKA_RESP_ERR_NO_ERROR;
  commits_.end(committed, Clock::now());
  if (committed) return Answer::kCommitted;
  if (is_outdated(code)) return Answer::kRefused;
  auto const error = to_error(code, "committing");
  if (code != RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS) intake_.report(error);
  // What has failed for good is worth a retry on the next handle, not on this one.
  return error.retryable && code != RD_KAFKA_RESP_ERR__FATAL ? Answer::kFailed : Answer::kRefused;
}

}  // namespace fairlead::kafka
