#pragma once

#include "memory/record.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace fairlead {

/// Identifies a member of a group; the group hands its partitions out to members in the order they joined.
using MemberId = std::uint64_t;
inline constexpr MemberId kNobody = 0;

/// Where a group stands in one partition.
struct Cursor {
  std::int64_t settled = 0;    // the next position that is not settled
  std::int64_t next = 0;       // the next position to deliver to the owner
  std::int64_t delivered = 0;  // the next position that was never delivered to anyone
  std::uint32_t epoch = 0;     // grows with each assignment
  MemberId owner = kNobody;    // who reads it now
  MemberId wanted = kNobody;   // who shall read it
};

struct LogPartition {
  std::deque<RecordRef> records;
  std::int64_t first = 0;  // position of records.front()
  [[nodiscard]] std::int64_t end() const noexcept { return first + static_cast<std::int64_t>(records.size()); }
  [[nodiscard]] Record& at(std::int64_t position) const { return *records[static_cast<std::size_t>(position - first)]; }
};

struct LogGroup {
  std::vector<Cursor> cursors;  // one for each partition
  std::vector<MemberId> members;
  bool has_started = false;  // a member has decided where the group begins
};

/// A member that sleeps while its logs hold nothing for it. One for all the logs that it reads; guarded by the store's
/// mutex.
struct Sleeper {
  std::condition_variable changed;
  bool is_asleep = false;

  void wake() {
    if (!is_asleep) return;
    is_asleep = false;  // woken once, however much comes until it looks
    changed.notify_one();
  }
};

/// One destination, dead letter or tier of retries. The number of its partitions never changes; the rest is guarded by
/// the store's mutex.
struct Log {
  explicit Log(std::size_t partition_count) : partitions(partition_count) {}

  /// Where every group of the log has settled a partition up to; groups that are declared and never ran keep
  /// everything.
  [[nodiscard]] std::int64_t settled_by_all(std::size_t partition) const;
  /// A group as it begins when it is declared: at the oldest message that is kept.
  [[nodiscard]] LogGroup new_group() const;
  /// Something changed that a member may care about.
  void wake_readers() const {
    for (auto* const reader : readers) reader->wake();
  }

  std::vector<LogPartition> partitions;
  std::map<std::string, LogGroup, std::less<>> groups;
  std::uint32_t next_keyless = 0;
  std::vector<Sleeper*> readers;  // of the members of all groups
};

/// Hands the partitions out to the members. Who loses one lets go of it first.
void assign(LogGroup& group);

}  // namespace fairlead
