#include "memory/store.hpp"

#include "core/murmur2.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace fairlead {

Result<std::shared_ptr<MemoryStore>> MemoryStore::get(std::string const& name, std::size_t max_bytes) {
  static std::mutex registry_mutex;
  static std::map<std::string, std::weak_ptr<MemoryStore>> registry;
  std::lock_guard const lock(registry_mutex);
  std::erase_if(registry, [](auto const& entry) { return entry.second.expired(); });
  auto& entry = registry[name];
  auto store = entry.lock();
  if (!store) entry = store = std::make_shared<MemoryStore>(max_bytes);
  if (store->max_bytes_ != max_bytes) {
    return Error{Errc::kPreconditionFailed, "memory://" + name + " is open in this process with memory.max_bytes " +
                                                std::to_string(store->max_bytes_) + ", not " +
                                                std::to_string(max_bytes)};
  }
  return store;
}

Log* MemoryStore::find(std::string_view destination) {
  std::lock_guard const lock(mutex);
  auto const found = logs_.find(destination);
  return found != logs_.end() ? &found->second : nullptr;
}

Result<void> MemoryStore::declare(DestinationPlan const& plan) {
  std::lock_guard const lock(mutex);
  auto const wanted = static_cast<std::size_t>(plan.config.partitions);
  auto& log = logs_.try_emplace(plan.name, wanted).first->second;
  if (log.partitions.size() != wanted) {
    return Error{Errc::kPreconditionFailed, "'" + plan.name + "' exists with " + std::to_string(log.partitions.size()) +
                                                " partitions, not " + std::to_string(wanted) + " (destinations." +
                                                plan.name + ".partitions)"};
  }
  for (auto const& group : plan.groups) {
    if (!log.groups.contains(group.name)) log.groups.emplace(group.name, log.new_group());
  }
  return {};
}

Result<MemoryStore::Place> MemoryStore::append(Log& log, RecordRef record) {
  auto const partitions = static_cast<int>(log.partitions.size());
  bool const has_key = !record->key().empty();
  auto number = has_key ? partition_of(record->key(), partitions) : std::int32_t{0};
  std::lock_guard const lock(mutex);
  if (!has_key && partitions > 1) {
    number = static_cast<std::int32_t>(log.next_keyless++ % static_cast<std::uint32_t>(partitions));
  }
  auto const size = record->size();
  if (bytes_ + size > max_bytes_ && !make_room(size)) {
    return Error{Errc::kRefused, "the in-process broker is full of messages that are not settled (memory.max_bytes)",
                 true};
  }
  bytes_ += size;
  record->order = next_order_++;
  auto& partition = log.partitions[static_cast<std::size_t>(number)];
  partition.records.push_back(std::move(record));
  Place const place{number, partition.end() - 1};
  log.wake_readers();
  return place;
}

bool MemoryStore::make_room(std::size_t wanted) {
  struct Head {
    LogPartition* partition;
    std::int64_t settled;
    [[nodiscard]] bool is_droppable() const { return partition->first < settled; }
    [[nodiscard]] std::uint64_t order() const { return partition->records.front()->order; }
  };
  auto const is_younger = [](Head const& a, Head const& b) { return a.order() > b.order(); };
  std::vector<Head> heads;
  for (auto& [name, log] : logs_) {
    if (log.groups.empty()) continue;  // kept for the groups to come
    for (std::size_t i = 0; i < log.partitions.size(); ++i) {
      Head const head{&log.partitions[i], log.settled_by_all(i)};
      if (head.is_droppable()) heads.push_back(head);
    }
  }
  std::make_heap(heads.begin(), heads.end(), is_younger);
  // A little more than is wanted, so that a full store does not look for it with every message.
  auto const target = max_bytes_ - std::min(max_bytes_, std::max(wanted, max_bytes_ / 64));
  while (bytes_ > target && !heads.empty()) {
    std::pop_heap(heads.begin(), heads.end(), is_younger);
    auto& oldest = heads.back();
    bytes_ -= oldest.partition->records.front()->size();
    oldest.partition->records.pop_front();
    ++oldest.partition->first;
    if (oldest.is_droppable()) {
      std::push_heap(heads.begin(), heads.end(), is_younger);
    } else {
      heads.pop_back();
    }
  }
  return bytes_ + wanted <= max_bytes_;
}

std::vector<MemoryStore::Membership> MemoryStore::join(std::vector<Log*> const& logs, std::string const& name,
                                                       StartFrom start, Sleeper& reader) {
  std::vector<Membership> memberships;
  std::lock_guard const lock(mutex);
  MemberId const member = next_member_++;
  for (auto* const log : logs) {
    if (!log->groups.contains(name)) log->groups.emplace(name, log->new_group());
    auto& group = log->groups.find(name)->second;
    if (!std::exchange(group.has_started, true) && start == StartFrom::kLatest && log == logs.front()) {
      for (std::size_t i = 0; i < group.cursors.size(); ++i) {
        group.cursors[i].settled = group.cursors[i].delivered = log->partitions[i].end();
      }
    }
    group.members.push_back(member);
    assign(group);
    log->wake_readers();
    log->readers.push_back(&reader);
    memberships.push_back({&group, member});
  }
  return memberships;
}

void MemoryStore::leave(std::vector<Log*> const& logs, std::string const& name, MemberId member, bool forget_group,
                        Sleeper& reader) {
  std::lock_guard const lock(mutex);
  for (auto* const log : logs) {
    auto const found = log->groups.find(name);
    auto& group = found->second;
    std::erase(group.members, member);
    for (auto& cursor : group.cursors) {
      if (cursor.owner == member) cursor.owner = kNobody;
    }
    assign(group);
    if (forget_group) log->groups.erase(found);
    std::erase(log->readers, &reader);
    log->wake_readers();
  }
}

}  // namespace fairlead
