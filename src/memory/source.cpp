#include "memory/source.hpp"

#include "core/ids.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

constexpr std::size_t kBatch = 256;
// How long running handlers may keep a partition that another member shall have.
constexpr std::chrono::seconds kRevokeTimeout{5};

std::string group_name(SourceSpec const& spec) {
  if (!spec.group.name.empty()) return spec.group.name;
  std::string name;
  make_message_id(name);
  return "anonymous." + name;
}

}  // namespace

MemorySource::MemorySource(std::shared_ptr<MemoryStore> store, std::vector<Log*> logs, SourceSpec const& spec,
                           Intake& intake)
    : store_(std::move(store)),
      logs_(std::move(logs)),
      group_name_(group_name(spec)),
      is_anonymous_(spec.group.name.empty()),
      intake_(intake) {
  auto const start = is_anonymous_ ? StartFrom::kLatest : spec.config.start;
  auto const memberships = store_->join(logs_, group_name_, start, sleeper_);
  for (std::size_t i = 0; i < logs_.size(); ++i) {
    for (std::size_t partition = 0; partition < logs_[i]->partitions.size(); ++partition) {
      lanes_.push_back({logs_[i], partition, memberships[i]});
    }
  }
  main_lanes_ = logs_.front()->partitions.size();
  thread_ = Thread("fl-memory", [this] { run(); });
}

MemorySource::~MemorySource() { (void)close(std::chrono::steady_clock::now()); }

Lane MemorySource::lane_of(std::size_t id) const { return {static_cast<std::int32_t>(id), lanes_[id].cursor().epoch}; }

void MemorySource::settle(Lane lane, std::int64_t position) noexcept {
  std::lock_guard const lock(store_->mutex);
  if (is_closed_) return;  // the group may be gone
  auto const& reading = lanes_[static_cast<std::size_t>(lane.id)];
  auto& cursor = reading.cursor();
  if (!reading.is_mine() || cursor.epoch != lane.epoch) return;
  cursor.settled = std::max(cursor.settled, position + 1);
}

void MemorySource::change(bool& flag, bool value) noexcept {
  std::lock_guard const lock(store_->mutex);
  flag = value;
  sleeper_.wake();
}

void MemorySource::room_available() noexcept { change(wants_room_, false); }
void MemorySource::stop_intake() noexcept { change(is_stopped_, true); }

Result<void> MemorySource::close(std::chrono::steady_clock::time_point) {
  if (!thread_.joinable()) return {};
  change(is_closed_, true);
  thread_.join();  // at once: the intake of a subscription that has ended waits for no handler
  store_->leave(logs_, group_name_, lanes_.front().self.member, is_anonymous_, sleeper_);
  return {};
}

void MemorySource::run() {
  Lock lock(store_->mutex);
  while (!is_closed_) {
    if (hand_over(lock) || take_over(lock) || serve_seek(lock) || deliver(lock)) continue;
    sleep(lock);
  }
  seek_changed_.notify_all();
}

void MemorySource::sleep(Lock& lock) {
  sleeper_.is_asleep = true;
  if (next_due_) {
    // By the steady clock, and looked at again then: setting the wall clock wakes nobody.
    sleeper_.changed.wait_for(lock, std::max(WallClock::duration::zero(), *next_due_ - WallClock::now()));
  } else {
    sleeper_.changed.wait(lock);
  }
  sleeper_.is_asleep = false;
}

bool MemorySource::hand_over(Lock& lock) {
  for (std::size_t id = 0; id < lanes_.size(); ++id) {
    auto const& reading = lanes_[id];
    auto& cursor = reading.cursor();
    if (!reading.is_mine() || cursor.wanted == reading.self.member) continue;
    Lane const lane = lane_of(id);
    lock.unlock();
    intake_.revoke_lane(lane, std::chrono::steady_clock::now() + kRevokeTimeout);
    lock.lock();
    cursor.owner = kNobody;
    reading.log->wake_readers();
    return true;
  }
  return false;
}

bool MemorySource::take_over(Lock& lock) {
  if (is_stopped_) return false;
  for (std::size_t id = 0; id < lanes_.size(); ++id) {
    auto const& reading = lanes_[id];
    auto& cursor = reading.cursor();
    if (cursor.owner != kNobody || cursor.wanted != reading.self.member) continue;
    cursor.owner = reading.self.member;
    cursor.next = cursor.settled;
    ++cursor.epoch;
    Lane const lane = lane_of(id);
    lock.unlock();
    intake_.open_lane(lane);
    lock.lock();
    return true;
  }
  return false;
}

bool MemorySource::deliver(Lock& lock) {
  next_due_.reset();
  if (is_stopped_ || wants_room_ || !has_messages()) return false;
  wants_room_ = true;  // before asking, so that room made meanwhile is not missed
  lock.unlock();
  auto const room = intake_.room();
  lock.lock();
  if (!room || is_stopped_) return true;
  wants_room_ = false;
  take(room);
  lock.unlock();
  InboundList batch;
  for (auto& taken : taken_) {
    Inbound& message = intake_.acquire();
    Record const& record = *taken.record;
    record.fill(message, std::move(taken.record));
    message.lane = taken.lane;
    message.partition = taken.partition;
    message.position = taken.position;
    message.redelivered = taken.redelivered;
    batch.push(message);
  }
  taken_.clear();
  intake_.deliver(batch);
  lock.lock();
  return true;
}

bool MemorySource::is_due(Record const& record, WallClock::time_point now) {
  return record.due_at_ms() == 0 || WallClock::time_point(std::chrono::milliseconds(record.due_at_ms())) <= now;
}

bool MemorySource::has_messages() {
  std::optional<WallClock::time_point> now;  // asked for only when something is delayed
  for (auto const& reading : lanes_) {
    auto const& partition = reading.log->partitions[reading.partition];
    if (!reading.is_mine() || reading.cursor().next >= partition.end()) continue;
    auto const& head = partition.at(reading.cursor().next);
    if (head.due_at_ms() == 0) return true;
    if (!now) now = WallClock::now();
    if (is_due(head, *now)) return true;
    WallClock::time_point const due{std::chrono::milliseconds(head.due_at_ms())};
    next_due_ = next_due_ ? std::min(*next_due_, due) : due;
  }
  return false;
}

void MemorySource::take(Intake::Room room) {
  room.messages = std::min(room.messages, kBatch);
  auto const now = lanes_.size() > main_lanes_ ? WallClock::now() : WallClock::time_point();
  for (std::size_t id = 0; id < lanes_.size(); ++id) {
    auto const& reading = lanes_[id];
    if (!reading.is_mine()) continue;
    auto& cursor = reading.cursor();
    auto const& partition = reading.log->partitions[reading.partition];
    for (; room && cursor.next < partition.end(); ++cursor.next) {
      Record& record = partition.at(cursor.next);
      if (!is_due(record, now)) break;
      taken_.push_back({record.share(), lane_of(id), static_cast<std::int32_t>(reading.partition), cursor.next,
                        cursor.next < cursor.delivered});
      --room.messages;
      room.bytes -= std::min(room.bytes, record.size());
    }
    cursor.delivered = std::max(cursor.delivered, cursor.next);
  }
}

}  // namespace fairlead
