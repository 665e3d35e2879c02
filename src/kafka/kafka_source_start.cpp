#include "kafka/kafka_admin.hpp"
#include "kafka/kafka_error.hpp"
#include "kafka/kafka_source.hpp"
#include "kafka/start_position.hpp"

#include <algorithm>
#include <utility>

// The part of KafkaSource that decides where reading begins.
namespace fairlead::kafka {

Result<void> KafkaSource::find_start(Clock::time_point deadline) {
  if (!setup_.has_group) {
    auto ends = end_positions(consumer_->handle(), setup_.topic, setup_.partitions, deadline);
    if (!ends) return std::move(ends).error();
    fixed_positions_ = *std::move(ends);
    return {};
  }
  if (setup_.start == StartFrom::kEarliest) return {};
  auto start = commit_end_positions(consumer_->handle(), setup_.topic, setup_.partitions, deadline);
  if (!start) return std::move(start).error();
  start_ = *std::move(start);
  return {};
}

void KafkaSource::begin_at_start(rd_kafka_topic_partition_list_t& assigned) {
  PartitionListPtr const known(rd_kafka_topic_partition_list_new(assigned.cnt));
  for (int i = 0; i < start_->cnt; ++i) {
    auto const& start = start_->elems[i];
    if (rd_kafka_topic_partition_list_find(&assigned, start.topic, start.partition) != nullptr) {
      rd_kafka_topic_partition_list_add(known.get(), start.topic, start.partition);
    }
  }
  if (known->cnt == 0) return;
  auto const patience = std::max(1, milliseconds_until(Clock::now() + revoke_time_));
  auto const code = rd_kafka_committed(consumer_->handle(), known.get(), patience);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {  // rather what is old than that something is left out
    return intake_.report(
        to_error(code, "asking where the group stands; where it never was, it begins at the earliest"));
  }
  for (int i = 0; i < known->cnt; ++i) {
    auto const& group = known->elems[i];
    if (group.err != RD_KAFKA_RESP_ERR_NO_ERROR || group.offset >= 0) continue;
    auto const* const start = rd_kafka_topic_partition_list_find(start_.get(), group.topic, group.partition);
    rd_kafka_topic_partition_list_find(&assigned, group.topic, group.partition)->offset = start->offset;
  }
}

}  // namespace fairlead::kafka
