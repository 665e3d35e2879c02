#pragma once

#include "config/plan.hpp"
#include "consume/inbound.hpp"
#include "memory/record.hpp"

#include <fairlead/result.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
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
  std::deque<Record*> records;
  std::int64_t first = 0;  // position of records.front()
  [[nodiscard]] std::int64_t end() const noexcept { return first + static_cast<std::int64_t>(records.size()); }
};

struct LogGroup {
  std::vector<Cursor> cursors;  // one for each partition
  std::vector<MemberId> members;
  bool has_started = false;  // a member has decided where the group begins
};

struct Log {
  std::vector<LogPartition> partitions;
  std::map<std::string, LogGroup, std::less<>> groups;
  std::uint32_t next_keyless = 0;
};

/// The messages of all brokers opened with one `memory://name` in this process. Everything is under one mutex; nothing
/// is called back while it is held. Thread-safe.
class MemoryStore {
 public:
  /// The store of that name, made on first use; it ends with its last holder.
  static std::shared_ptr<MemoryStore> get(std::string const& name, std::size_t max_bytes);

  explicit MemoryStore(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  ~MemoryStore();
  MemoryStore(MemoryStore const&) = delete;
  MemoryStore& operator=(MemoryStore const&) = delete;

  [[nodiscard]] Result<void> declare(DestinationPlan const& plan);
  [[nodiscard]] bool exists(std::string_view destination);
  /// Appends; kRefused when the store is full of messages that some group has yet to settle.
  [[nodiscard]] Result<Receipt> append(std::string_view destination, Outbound const& message);

  // --- members; see source.cpp ---
  [[nodiscard]] MemberId join(std::string_view destination, std::string const& group, StartFrom start);
  void leave(std::string_view destination, std::string const& group, MemberId member, bool forget_group);

  std::mutex mutex;
  /// Something changed that a waiting member may care about.
  std::condition_variable changed;
  std::size_t waiting = 0;  // members that wait on `changed`
  /// Under `mutex`; null when unknown.
  [[nodiscard]] Log* find(std::string_view destination);
  void notify() {
    if (waiting > 0) changed.notify_all();
  }

 private:
  static void assign(LogGroup& group);
  /// Drops records that every group has settled, oldest first, until `wanted` bytes fit.
  bool make_room(std::size_t wanted);

  std::map<std::string, Log, std::less<>> logs_;
  std::size_t const max_bytes_;
  std::size_t bytes_ = 0;
  MemberId next_member_ = 1;
};

}  // namespace fairlead
