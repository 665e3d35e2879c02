#include "kafka/start_position.hpp"

#include "kafka/kafka_admin.hpp"
#include "kafka/kafka_error.hpp"

#include <algorithm>
#include <utility>

namespace fairlead::kafka {
namespace {

using Clock = std::chrono::steady_clock;

PartitionListPtr all_partitions(std::string const& topic, int partitions, std::int64_t offset) {
  PartitionListPtr list(rd_kafka_topic_partition_list_new(partitions));
  for (int partition = 0; partition < partitions; ++partition) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
  }
  return list;
}

rd_kafka_resp_err_t first_error(rd_kafka_topic_partition_list_t const& list) noexcept {
  for (int i = 0; i < list.cnt; ++i) {
    if (list.elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) return list.elems[i].err;
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/// Waits for the answer, which rd_kafka_commit would do without a deadline.
rd_kafka_resp_err_t commit(rd_kafka_t* consumer, rd_kafka_topic_partition_list_t const& offsets,
                           Clock::time_point deadline) {
  QueuePtr const answers(rd_kafka_queue_new(consumer));
  auto const sent = rd_kafka_commit_queue(consumer, &offsets, answers.get(), nullptr, nullptr);
  if (sent != RD_KAFKA_RESP_ERR_NO_ERROR) return sent;
  EventPtr const answer(rd_kafka_queue_poll(answers.get(), milliseconds_until(deadline)));
  return answer ? rd_kafka_event_error(answer.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
}

}  // namespace

Result<PartitionListPtr> positions_at(rd_kafka_t* consumer, std::string const& topic, int partitions, std::int64_t time,
                                      Clock::time_point deadline) {
  auto list = all_partitions(topic, partitions, time);
  auto code = rd_kafka_offsets_for_times(consumer, list.get(), std::max(1, milliseconds_until(deadline)));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = first_error(*list);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return to_error(code, "asking for positions in topic '" + topic + "'");
  return list;
}

Result<PartitionListPtr> commit_end_positions(rd_kafka_t* consumer, std::string const& topic, int partitions,
                                              Clock::time_point deadline) {
  auto const known = all_partitions(topic, partitions, RD_KAFKA_OFFSET_INVALID);
  auto code = rd_kafka_committed(consumer, known.get(), std::max(1, milliseconds_until(deadline)));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = first_error(*known);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return to_error(code, "asking for the group's positions");

  auto ends = end_positions(consumer, topic, partitions, deadline);
  if (!ends) return std::move(ends).error();
  PartitionListPtr fresh(rd_kafka_topic_partition_list_new(partitions));
  for (int i = 0; i < known->cnt; ++i) {
    if (known->elems[i].offset >= 0) continue;
    auto const& end = (*ends)->elems[i];
    rd_kafka_topic_partition_list_add(fresh.get(), topic.c_str(), end.partition)->offset = end.offset;
  }
  if (fresh->cnt == 0) return PartitionListPtr();
  code = commit(consumer, *fresh, deadline);
  bool const others_run = code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID || code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
                          code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return PartitionListPtr();
  if (others_run) return fresh;
  return to_error(code, "starting the group at the end of topic '" + topic + "'");
}

}  // namespace fairlead::kafka
