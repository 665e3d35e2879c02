#pragma once

#include "config/plan.hpp"
#include "memory/log.hpp"
#include "memory/record.hpp"

#include <fairlead/config.hpp>
#include <fairlead/message.hpp>
#include <fairlead/result.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

/// The messages of all brokers opened with one `memory://name` in this process. One mutex guards them; nothing is
/// called back while it is held. Thread-safe.
class MemoryStore {
 public:
  /// The store of that name, made on first use; it ends with its last holder.
  [[nodiscard]] static Result<std::shared_ptr<MemoryStore>> get(std::string const& name, std::size_t max_bytes);

  explicit MemoryStore(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  MemoryStore(MemoryStore const&) = delete;
  MemoryStore& operator=(MemoryStore const&) = delete;

  [[nodiscard]] Result<void> declare(DestinationPlan const& plan);
  /// Null when it was not declared. Logs live as long as the store.
  [[nodiscard]] Log* find(std::string_view destination);

  /// Where the message lies now; kRefused when the store is full of messages that some group has yet to settle.
  struct Place {
    std::int32_t partition = 0;
    std::int64_t position = 0;
  };
  [[nodiscard]] Result<Place> append(Log& log, RecordRef record);

  struct Membership {
    LogGroup* group = nullptr;
    MemberId member = kNobody;
  };
  /// A new member of the group in each of the logs, where the group is made when there is none. A group's first member
  /// decides where it begins in the first log; it begins at the oldest message of the others. Members come in the same
  /// order in all of them, so that a member gets the same partition numbers. `reader` is woken from then on.
  [[nodiscard]] std::vector<Membership> join(std::vector<Log*> const& logs, std::string const& group, StartFrom start,
                                             Sleeper& reader);
  /// The member's partitions go to the others. `forget_group`: nobody comes back to it.
  void leave(std::vector<Log*> const& logs, std::string const& group, MemberId member, bool forget_group,
             Sleeper& reader);

  /// Guards the logs. Members take and settle messages under it; see source.cpp.
  std::mutex mutex;

 private:
  /// Drops records that every group has settled, oldest first, until `wanted` bytes fit.
  bool make_room(std::size_t wanted);

  std::map<std::string, Log, std::less<>> logs_;
  std::size_t const max_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t next_order_ = 0;
  MemberId next_member_ = 1;
};

}  // namespace fairlead
