#include "memory/log.hpp"

#include "core/murmur2.hpp"

#include <algorithm>

namespace fairlead {
namespace {

/// Where every group of the log has settled up to; groups that are declared and never ran keep everything.
std::int64_t settled_by_all(Log const& log, std::size_t partition) {
  std::int64_t lowest = log.partitions[partition].end();
  for (auto const& [name, group] : log.groups) lowest = std::min(lowest, group.cursors[partition].settled);
  return lowest;
}

}  // namespace

std::shared_ptr<MemoryStore> MemoryStore::get(std::string const& name, std::size_t max_bytes) {
  static std::mutex registry_mutex;
  static std::map<std::string, std::weak_ptr<MemoryStore>> registry;
  std::lock_guard const lock(registry_mutex);
  auto& entry = registry[name];
  auto store = entry.lock();
  if (!store) entry = store = std::make_shared<MemoryStore>(max_bytes);
  return store;
}

MemoryStore::~MemoryStore() {
  for (auto& [name, log] : logs_) {
    for (auto& partition : log.partitions) {
      for (auto* record : partition.records) record->release();
    }
  }
}

Log* MemoryStore::find(std::string_view destination) {
  auto const found = logs_.find(destination);
  return found != logs_.end() ? &found->second : nullptr;
}

bool MemoryStore::exists(std::string_view destination) {
  std::lock_guard const lock(mutex);
  return find(destination) != nullptr;
}

Result<void> MemoryStore::declare(DestinationPlan const& plan) {
  std::lock_guard const lock(mutex);
  auto const partitions = static_cast<std::size_t>(plan.config.partitions);
  auto const [entry, is_new] = logs_.try_emplace(plan.name);
  auto& log = entry->second;
  if (is_new) log.partitions.resize(partitions);
  if (log.partitions.size() != partitions) {
    return Error{Errc::kPreconditionFailed, "'" + plan.name + "' exists with " + std::to_string(log.partitions.size()) +
                                                " partitions, not " + std::to_string(partitions) + " (destinations." +
                                                plan.name + ".partitions)"};
  }
  for (auto const& planned : plan.groups) {
    auto const [group, added] = log.groups.try_emplace(planned.name);
    if (!added) continue;
    group->second.cursors.resize(partitions);
    for (std::size_t i = 0; i < partitions; ++i) {
      group->second.cursors[i].settled = group->second.cursors[i].delivered = log.partitions[i].first;
    }
  }
  return {};
}

bool MemoryStore::make_room(std::size_t wanted) {
  for (auto& [name, log] : logs_) {
    for (std::size_t i = 0; i < log.partitions.size() && bytes_ + wanted > max_bytes_; ++i) {
      if (log.groups.empty()) break;  // kept for the groups to come
      auto& partition = log.partitions[i];
      auto const settled = settled_by_all(log, i);
      while (partition.first < settled && bytes_ + wanted > max_bytes_) {
        Record* const oldest = partition.records.front();
        partition.records.pop_front();
        ++partition.first;
        bytes_ -= oldest->size();
        oldest->release();
      }
    }
  }
  return bytes_ + wanted <= max_bytes_;
}

Result<Receipt> MemoryStore::append(std::string_view destination, Outbound const& message) {
  std::lock_guard const lock(mutex);
  Log* const log = find(destination);
  if (log == nullptr) return Error{Errc::kUnroutable, "there is no destination '" + std::string(destination) + "'"};
  int const partitions = static_cast<int>(log->partitions.size());
  std::int32_t const number =
      message.key.empty() ? static_cast<std::int32_t>(log->next_keyless++ % static_cast<std::uint32_t>(partitions))
                          : partition_of(message.key, partitions);
  Record* const record = Record::make(message, number);
  if (bytes_ + record->size() > max_bytes_ && !make_room(record->size())) {
    record->release();
    return Error{Errc::kRefused, "the in-process broker is full of messages that are not settled (memory.max_bytes)",
                 true};
  }
  bytes_ += record->size();
  auto& partition = log->partitions[static_cast<std::size_t>(number)];
  partition.records.push_back(record);
  notify();
  Receipt receipt;
  receipt.partition = number;
  receipt.position = partition.end() - 1;
  return receipt;
}

MemberId MemoryStore::join(std::string_view destination, std::string const& name, StartFrom start) {
  std::lock_guard const lock(mutex);
  Log* const log = find(destination);
  if (log == nullptr) return kNobody;
  auto const [entry, added] = log->groups.try_emplace(name);
  auto& group = entry->second;
  group.cursors.resize(log->partitions.size());
  if (!group.has_started) {
    group.has_started = true;
    for (std::size_t i = 0; i < group.cursors.size(); ++i) {
      auto const& partition = log->partitions[i];
      auto& cursor = group.cursors[i];
      cursor.settled = start == StartFrom::kLatest ? partition.end() : std::max(cursor.settled, partition.first);
      cursor.delivered = cursor.settled;
    }
  }
  MemberId const member = next_member_++;
  group.members.push_back(member);
  assign(group);
  notify();
  return member;
}

void MemoryStore::leave(std::string_view destination, std::string const& name, MemberId member, bool forget_group) {
  std::lock_guard const lock(mutex);
  Log* const log = find(destination);
  auto& group = log->groups.find(name)->second;
  std::erase(group.members, member);
  for (auto& cursor : group.cursors) {
    if (cursor.owner == member) cursor.owner = kNobody;
  }
  if (forget_group) {
    log->groups.erase(log->groups.find(name));
  } else {
    assign(group);
  }
  notify();
}

void MemoryStore::assign(LogGroup& group) {
  for (std::size_t i = 0; i < group.cursors.size(); ++i) {
    group.cursors[i].wanted = group.members.empty() ? kNobody : group.members[i % group.members.size()];
  }
}

}  // namespace fairlead
