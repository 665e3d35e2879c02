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

MemorySource::MemorySource(std::shared_ptr<MemoryStore> store, SourceSpec const& spec, Intake& intake)
    : store_(std::move(store)),
      destination_(spec.destination.name),
      group_(group_name(spec)),
      is_anonymous_(spec.group.name.empty()),
      intake_(intake),
      member_(store_->join(destination_, group_, is_anonymous_ ? StartFrom::kLatest : spec.config.start)),
      thread_("fl-memory", [this] { run(); }) {}

MemorySource::~MemorySource() { (void)close(std::chrono::steady_clock::now()); }

void MemorySource::settle(Lane lane, std::int64_t position) noexcept {
  std::lock_guard const lock(store_->mutex);
  auto& group = store_->find(destination_)->groups.find(group_)->second;
  auto& cursor = group.cursors[static_cast<std::size_t>(lane.id)];
  if (cursor.owner == member_ && cursor.epoch == lane.epoch) cursor.settled = std::max(cursor.settled, position + 1);
}

void MemorySource::room_available() noexcept {
  std::lock_guard const lock(store_->mutex);
  wants_room_ = false;
  store_->notify();
}

void MemorySource::stop_intake() noexcept {
  std::lock_guard const lock(store_->mutex);
  is_stopped_ = true;
  store_->notify();
}

Result<void> MemorySource::close(std::chrono::steady_clock::time_point) {
  if (!thread_.joinable()) return {};
  {
    std::lock_guard const lock(store_->mutex);
    is_closed_ = true;
    store_->notify();
  }
  thread_.join();  // at most kRevokeTimeout, when a rebalance waits for a handler
  store_->leave(destination_, group_, member_, is_anonymous_);
  return {};
}

void MemorySource::run() {
  std::unique_lock lock(store_->mutex);
  Log& log = *store_->find(destination_);
  LogGroup& group = log.groups.find(group_)->second;
  while (!is_closed_) {
    bool const worked = hand_over(lock, group) || take_over(lock, group) || (!is_stopped_ && deliver(lock, log, group));
    if (worked || is_closed_) continue;
    ++store_->waiting;
    store_->changed.wait(lock);
    --store_->waiting;
  }
}

bool MemorySource::hand_over(std::unique_lock<std::mutex>& lock, LogGroup& group) {
  for (std::size_t i = 0; i < group.cursors.size(); ++i) {
    auto& cursor = group.cursors[i];
    if (cursor.owner != member_ || cursor.wanted == member_) continue;
    Lane const lane{static_cast<std::int32_t>(i), cursor.epoch};
    lock.unlock();
    intake_.revoke_lane(lane, std::chrono::steady_clock::now() + kRevokeTimeout);
    lock.lock();
    cursor.owner = kNobody;
    store_->notify();
    return true;
  }
  return false;
}

bool MemorySource::take_over(std::unique_lock<std::mutex>& lock, LogGroup& group) {
  if (is_stopped_) return false;
  for (std::size_t i = 0; i < group.cursors.size(); ++i) {
    auto& cursor = group.cursors[i];
    if (cursor.owner != kNobody || cursor.wanted != member_) continue;
    cursor.owner = member_;
    cursor.next = cursor.settled;
    Lane const lane{static_cast<std::int32_t>(i), ++cursor.epoch};
    lock.unlock();
    intake_.open_lane(lane);
    lock.lock();
    return true;
  }
  return false;
}

bool MemorySource::deliver(std::unique_lock<std::mutex>& lock, Log& log, LogGroup& group) {
  if (wants_room_) return false;
  bool const has_messages = [&] {
    for (std::size_t i = 0; i < group.cursors.size(); ++i) {
      if (group.cursors[i].owner == member_ && group.cursors[i].next < log.partitions[i].end()) return true;
    }
    return false;
  }();
  if (!has_messages) return false;

  wants_room_ = true;  // before asking, so that room made meanwhile is not missed
  lock.unlock();
  auto room = intake_.room();
  lock.lock();
  if (!room) return true;
  wants_room_ = false;

  InboundList batch;
  std::size_t left = std::min(room.messages, kBatch);
  for (std::size_t i = 0; i < group.cursors.size(); ++i) {
    auto& cursor = group.cursors[i];
    if (cursor.owner != member_ || cursor.wanted != member_) continue;
    auto const& partition = log.partitions[i];
    for (; left > 0 && cursor.next < partition.end(); --left) {
      Record& record = *partition.records[static_cast<std::size_t>(cursor.next - partition.first)];
      Inbound& message = intake_.acquire();
      record.fill(message);
      message.lane = {static_cast<std::int32_t>(i), cursor.epoch};
      message.position = cursor.next;
      message.redelivered = cursor.next < cursor.delivered;
      batch.push(message);
      ++cursor.next;
      cursor.delivered = std::max(cursor.delivered, cursor.next);
      if (record.size() >= room.bytes) {
        left = 1;
        room.bytes = 0;
      } else {
        room.bytes -= record.size();
      }
    }
  }
  lock.unlock();
  intake_.deliver(batch);
  lock.lock();
  return true;
}

}  // namespace fairlead
