#include "kafka/kafka_admin.hpp"
#include "kafka/kafka_error.hpp"
#include "kafka/kafka_source.hpp"
#include "kafka/seek_positions.hpp"
#include "kafka/version_gates.hpp"

#include <algorithm>
#include <utility>

// The part of KafkaSource that goes back or ahead. Offsets are looked up on the caller's thread, which may wait for the
// network; the source's thread moves the partitions that it has then.
//
// It does so by rd_kafka_seek_partitions, which flushes: what was fetched before carries an older version and is
// dropped when it is taken, also out of the queue that partitions are redirected to. That is safe with batches here, as
// none is being taken meanwhile. Assigning anew would undo the redirection whenever librdkafka comes to stop the old
// fetch.
namespace fairlead::kafka {

Result<void> KafkaSource::seek(SeekTarget const& target, Clock::time_point deadline) {
  KafkaConsumerPtr held;
  {
    std::lock_guard const lock(consumer_mutex_);
    if (!consumer_ || closing_.load(std::memory_order_acquire) || intake_stopped_.load(std::memory_order_acquire)) {
      return Error{Errc::kClosed, "the subscription takes nothing in any more"};
    }
    consumer_->hold(1);
    held.reset(consumer_.get());
  }
  auto positions = seek_positions(held->handle(), setup_.topic, setup_.partitions, target, deadline);
  if (!positions) return std::move(positions).error();
  bool const only_one = target.kind == SeekTarget::Kind::kPosition;
  return seeks_.ask({*std::move(positions), only_one, deadline}, [this] { wake_->signal(); });
}

void KafkaSource::serve_seek() {
  if (!seeking_) seeking_ = seeks_.take();
  if (!seeking_) return;
  if (auto done = try_seek(*seeking_)) {
    seeks_.answer(*std::move(done));
    seeking_.reset();
  } else if (Clock::now() >= seeking_->deadline) {
    seeking_.reset();  // and who asked has gone
  }
}

std::optional<Result<void>> KafkaSource::try_seek(SeekDesk::Order& order) {
  if (!is_assigned_) return std::nullopt;
  PartitionListPtr const list(rd_kafka_topic_partition_list_new(static_cast<int>(order.positions.size())));
  for (auto const& [partition, position] : order.positions) {
    auto const lane = lanes_by_place_.find({kMainTopic, partition});
    if (!lane || !lanes_[static_cast<std::size_t>(*lane)].is_open) continue;
    rd_kafka_topic_partition_list_add(list.get(), setup_.topic.c_str(), partition)->offset = position;
  }
  if (list->cnt == 0) {
    if (!order.only_one) return Result<void>();
    return Error{Errc::kPreconditionFailed, "partition " + std::to_string(order.positions.begin()->first) +
                                                " is not assigned to this member of the group now"};
  }
  auto const until = std::min(order.deadline, Clock::now() + revoke_time_);
  auto const patience = std::max(1, milliseconds_until(until)) * (has(Since::kSeekInMilliseconds) ? 1 : 1'000);
  ErrorPtr const timed_out(rd_kafka_seek_partitions(consumer_->handle(), list.get(), patience));
  bool is_starting = false;
  std::optional<Error> error;
  for (int i = 0; i < list->cnt; ++i) {
    auto const& moved = list->elems[i];
    if (moved.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      restart_lane(*lanes_by_place_.find({kMainTopic, moved.partition}), moved.offset);
      order.positions.erase(moved.partition);
    } else if (moved.err == RD_KAFKA_RESP_ERR__STATE) {
      is_starting = true;  // librdkafka still asks where the group stands
    } else {
      error = to_error(moved.err, "seeking in topic '" + setup_.topic + "'");
      error->maybe_applied = true;
    }
  }
  if (error) return *std::move(error);
  if (is_starting) return std::nullopt;
  return commit_seek(order.deadline);
}

void KafkaSource::restart_lane(std::int32_t id, std::int64_t position) {
  auto& lane = lanes_[static_cast<std::size_t>(id)];
  lane.epoch = ++epoch_;
  lane.last = position - 1;
  Lane const restarted{id, lane.epoch};
  if (setup_.has_group) commits_.restart(restarted, position, Clock::now());
  intake_.open_lane(restarted);
}

Result<void> KafkaSource::commit_seek(Clock::time_point deadline) {
  if (!setup_.has_group) return {};
  auto const until = std::min(deadline, Clock::now() + revoke_time_);
  if (commits_.in_flight()) (void)take_commit_answer(milliseconds_until(until));  // it may be older than the seek
  if (!commits_.in_flight()) {
    start_commit();
    if (take_commit_answer(milliseconds_until(until)) == Answer::kCommitted) return {};
  }
  return Error{Errc::kTimeout,
               "the subscription goes on at the new position, but the group's has not been committed there yet", true,
               true};
}

}  // namespace fairlead::kafka
