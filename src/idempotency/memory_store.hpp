#pragma once

#include <fairlead/idempotency.hpp>

#include <chrono>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

namespace fairlead {

/// The store of one process, bounded by `StoreOptions::max_entries`. Thread-safe.
class FAIRLEAD_EXPORT MemoryIdempotencyStore final : public IdempotencyStore {
 public:
  using Clock = std::chrono::steady_clock;

  explicit MemoryIdempotencyStore(StoreOptions options, std::function<Clock::time_point()> now = &Clock::now);

  Result<Claim> claim(ClaimKey key, std::string_view owner, std::chrono::milliseconds lease) override;
  Result<bool> complete(ClaimKey key, std::string_view owner, std::chrono::milliseconds keep) override;
  Result<void> release(ClaimKey key, std::string_view owner) override;
  StoreStats stats() override;

 private:
  struct Entry {
    std::string owner;
    Clock::time_point until;
    bool is_done = false;
  };
  using Entries = std::unordered_map<std::string, Entry>;
  using Node = Entries::value_type;  // stays where it is while the table grows
  struct EndsFirst {
    bool operator()(Node const* a, Node const* b) const noexcept;
  };
  using Queue = std::set<Node const*, EndsFirst>;

  Queue& queue_of(Entry const& entry) noexcept { return entry.is_done ? done_ : claims_; }
  void set(std::string id, Entry entry);
  void remove(Node const& node);
  void remove_ended(Queue& queue, Clock::time_point now, std::size_t most);
  bool make_room(std::string const& id, Clock::time_point now);

  StoreOptions const options_;
  std::function<Clock::time_point()> const now_;
  std::mutex mutex_;
  Entries entries_;
  Queue claims_;  // every entry is in one of the two
  Queue done_;
  std::uint64_t evicted_ = 0;
  std::uint64_t expired_ = 0;
};

}  // namespace fairlead
