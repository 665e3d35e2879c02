#include "kafka/seek_positions.hpp"

#include "kafka/start_position.hpp"

#include <algorithm>
#include <utility>

namespace fairlead::kafka {
namespace {

using Clock = std::chrono::steady_clock;
using Positions = std::map<std::int32_t, std::int64_t>;

Positions by_partition(rd_kafka_topic_partition_list_t const& list) {
  Positions positions;
  for (int i = 0; i < list.cnt; ++i) positions[list.elems[i].partition] = list.elems[i].offset;
  return positions;
}

std::int64_t time_of(SeekTarget const& target) {
  using std::chrono::milliseconds;
  switch (target.kind) {
    case SeekTarget::Kind::kEarliest: return RD_KAFKA_OFFSET_BEGINNING;
    case SeekTarget::Kind::kTime: {
      // Rounded down, as the time of a message was.
      auto const since_epoch = std::chrono::floor<milliseconds>(target.time.time_since_epoch()).count();
      return std::max<std::int64_t>(0, since_epoch);  // negative times have meanings of their own
    }
    case SeekTarget::Kind::kLatest:
    case SeekTarget::Kind::kPosition: break;
  }
  return RD_KAFKA_OFFSET_END;
}

}  // namespace

Result<Positions> seek_positions(rd_kafka_t* consumer, std::string const& topic, int partitions,
                                 SeekTarget const& target, Clock::time_point deadline) {
  bool const is_position = target.kind == SeekTarget::Kind::kPosition;
  if (is_position && (target.partition < 0 || target.partition >= partitions)) {
    return Error{Errc::kInvalidArgument, "topic '" + topic + "' has no partition " + std::to_string(target.partition)};
  }
  auto found = positions_at(consumer, topic, partitions, time_of(target), deadline);
  if (!found) return std::move(found).error();
  auto positions = by_partition(**found);
  if (target.kind == SeekTarget::Kind::kLatest || target.kind == SeekTarget::Kind::kEarliest) return positions;

  auto other = positions_at(consumer, topic, partitions, is_position ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END,
                            deadline);
  if (!other) return std::move(other).error();
  if (is_position) {
    auto const begin = by_partition(**other).at(target.partition);
    auto const end = positions.at(target.partition);
    if (target.position < begin || target.position > end) {
      return Error{Errc::kInvalidArgument, "partition " + std::to_string(target.partition) + " of topic '" + topic +
                                               "' keeps positions " + std::to_string(begin) + " to " +
                                               std::to_string(end) + ", not " + std::to_string(target.position)};
    }
    return Positions{{target.partition, target.position}};
  }
  // Nothing was published since: behind the newest.
  auto const ends = by_partition(**other);
  for (auto& [partition, position] : positions) {
    if (position < 0) position = ends.at(partition);
  }
  return positions;
}

}  // namespace fairlead::kafka
