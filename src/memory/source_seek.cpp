#include "memory/source.hpp"

#include <algorithm>
#include <utility>

// The part of MemorySource that goes back or ahead.
namespace fairlead {

Result<void> MemorySource::seek(SeekTarget const& target, std::chrono::steady_clock::time_point deadline) {
  Error const closed{Errc::kClosed, "the subscription takes nothing in any more"};
  Lock lock(store_->mutex);
  bool const is_my_turn =
      seek_changed_.wait_until(lock, deadline, [this] { return !is_seeking_ || is_stopped_ || is_closed_; });
  if (is_stopped_ || is_closed_) return closed;
  if (!is_my_turn) return Error{Errc::kTimeout, "another seek of this subscription took until the deadline", true};
  is_seeking_ = true;
  sought_.reset();
  wanted_ = target;
  sleeper_.wake();
  seek_changed_.wait_until(lock, deadline, [this] { return sought_ || is_closed_; });
  bool const was_begun = !std::exchange(wanted_, std::nullopt).has_value();
  is_seeking_ = false;
  seek_changed_.notify_all();
  if (sought_) return *std::move(sought_);
  if (is_closed_) return closed;
  return Error{Errc::kTimeout, "the seek was not done by its deadline", true, was_begun};
}

bool MemorySource::serve_seek(Lock& lock) {
  if (!wanted_) return false;
  auto const target = *std::exchange(wanted_, std::nullopt);
  auto possible = check_target(target);
  std::vector<Lane> restarted;
  for (std::size_t id = 0; possible && id < main_lanes_; ++id) {
    auto const& reading = lanes_[id];
    auto const position = reading.is_mine() ? position_of(target, reading) : std::nullopt;
    if (!position) continue;
    auto& cursor = reading.cursor();
    cursor.settled = cursor.next = *position;
    ++cursor.epoch;  // what still runs settles nothing any more
    restarted.push_back(lane_of(id));
  }
  lock.unlock();
  for (auto const lane : restarted) intake_.open_lane(lane);
  lock.lock();
  sought_ = std::move(possible);
  seek_changed_.notify_all();
  return true;
}

Result<void> MemorySource::check_target(SeekTarget const& target) const {
  if (target.kind != SeekTarget::Kind::kPosition) return {};
  auto const number = "partition " + std::to_string(target.partition);
  if (target.partition < 0 || static_cast<std::size_t>(target.partition) >= main_lanes_) {
    return Error{Errc::kInvalidArgument, "there is no " + number};
  }
  auto const& reading = lanes_[static_cast<std::size_t>(target.partition)];
  if (!reading.is_mine()) {
    return Error{Errc::kPreconditionFailed, number + " is not assigned to this member of the group now"};
  }
  auto const& partition = reading.log->partitions[reading.partition];
  if (target.position < partition.first || target.position > partition.end()) {
    return Error{Errc::kInvalidArgument, number + " keeps positions " + std::to_string(partition.first) + " to " +
                                             std::to_string(partition.end()) + ", not " +
                                             std::to_string(target.position)};
  }
  return {};
}

std::optional<std::int64_t> MemorySource::position_of(SeekTarget const& target, Reading const& reading) {
  auto const& partition = reading.log->partitions[reading.partition];
  switch (target.kind) {
    case SeekTarget::Kind::kEarliest: return partition.first;
    case SeekTarget::Kind::kLatest: return partition.end();
    case SeekTarget::Kind::kTime: {
      // Rounded down, as the time of a message was.
      auto const since = std::chrono::floor<std::chrono::milliseconds>(target.time.time_since_epoch()).count();
      auto const found = std::find_if(partition.records.begin(), partition.records.end(),
                                      [since](RecordRef const& record) { return record->timestamp_ms() >= since; });
      return partition.first + (found - partition.records.begin());
    }
    case SeekTarget::Kind::kPosition: break;
  }
  if (static_cast<std::size_t>(target.partition) != reading.partition) return std::nullopt;
  return target.position;
}

}  // namespace fairlead
