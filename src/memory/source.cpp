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

Lane lane_of(std::size_t partition, Cursor const& cursor) {
  return {static_cast<std::int32_t>(partition), cursor.epoch};
}

}  // namespace

MemorySource::MemorySource(std::shared_ptr<MemoryStore> store, Log& log, SourceSpec const& spec, Intake& intake)
    : store_(std::move(store)),
      log_(log),
      group_name_(group_name(spec)),
      is_anonymous_(spec.group.name.empty()),
      intake_(intake),
      self_(store_->join(log_, group_name_, is_anonymous_ ? StartFrom::kLatest : spec.config.start)),
      thread_("fl-memory", [this] { run(); }) {}

MemorySource::~MemorySource() { (void)close(std::chrono::steady_clock::now()); }

void MemorySource::settle(Lane lane, std::int64_t position) noexcept {
  std::lock_guard const lock(store_->mutex);
  if (is_closed_) return;  // the group may be gone
  auto& cursor = self_.group->cursors[static_cast<std::size_t>(lane.id)];
  if (cursor.owner != self_.member || cursor.epoch != lane.epoch) return;
  cursor.settled = std::max(cursor.settled, position + 1);
}

void MemorySource::change(bool& flag, bool value) noexcept {
  {
    std::lock_guard const lock(store_->mutex);
    flag = value;
  }
  log_.changed.notify_all();
}

void MemorySource::room_available() noexcept { change(wants_room_, false); }
void MemorySource::stop_intake() noexcept { change(is_stopped_, true); }

Result<void> MemorySource::close(std::chrono::steady_clock::time_point) {
  if (!thread_.joinable()) return {};
  change(is_closed_, true);
  thread_.join();  // at once: the intake of a subscription that has ended waits for no handler
  store_->leave(log_, group_name_, self_.member, is_anonymous_);
  return {};
}

void MemorySource::run() {
  Lock lock(store_->mutex);
  while (!is_closed_) {
    if (hand_over(lock) || take_over(lock) || deliver(lock)) continue;
    ++log_.waiting;
    log_.changed.wait(lock);
    --log_.waiting;
  }
}

bool MemorySource::hand_over(Lock& lock) {
  auto& cursors = self_.group->cursors;
  for (std::size_t i = 0; i < cursors.size(); ++i) {
    auto& cursor = cursors[i];
    if (cursor.owner != self_.member || cursor.wanted == self_.member) continue;
    Lane const lane = lane_of(i, cursor);
    lock.unlock();
    intake_.revoke_lane(lane, std::chrono::steady_clock::now() + kRevokeTimeout);
    lock.lock();
    cursor.owner = kNobody;
    log_.changed.notify_all();
    return true;
  }
  return false;
}

bool MemorySource::take_over(Lock& lock) {
  if (is_stopped_) return false;
  auto& cursors = self_.group->cursors;
  for (std::size_t i = 0; i < cursors.size(); ++i) {
    auto& cursor = cursors[i];
    if (cursor.owner != kNobody || cursor.wanted != self_.member) continue;
    cursor.owner = self_.member;
    cursor.next = cursor.settled;
    ++cursor.epoch;
    Lane const lane = lane_of(i, cursor);
    lock.unlock();
    intake_.open_lane(lane);
    lock.lock();
    return true;
  }
  return false;
}

bool MemorySource::deliver(Lock& lock) {
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
    message.partition = taken.lane.id;
    message.position = taken.position;
    message.redelivered = taken.redelivered;
    batch.push(message);
  }
  taken_.clear();
  intake_.deliver(batch);
  lock.lock();
  return true;
}

bool MemorySource::has_messages() const {
  auto const& cursors = self_.group->cursors;
  for (std::size_t i = 0; i < cursors.size(); ++i) {
    if (cursors[i].owner == self_.member && cursors[i].next < log_.partitions[i].end()) return true;
  }
  return false;
}

void MemorySource::take(Intake::Room room) {
  auto& cursors = self_.group->cursors;
  room.messages = std::min(room.messages, kBatch);
  for (std::size_t i = 0; i < cursors.size(); ++i) {
    auto& cursor = cursors[i];
    if (cursor.owner != self_.member) continue;
    auto const& partition = log_.partitions[i];
    for (; room && cursor.next < partition.end(); ++cursor.next) {
      Record& record = partition.at(cursor.next);
      taken_.push_back({record.share(), lane_of(i, cursor), cursor.next, cursor.next < cursor.delivered});
      --room.messages;
      room.bytes -= std::min(room.bytes, record.size());
    }
    cursor.delivered = std::max(cursor.delivered, cursor.next);
  }
}

}  // namespace fairlead
