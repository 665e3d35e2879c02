#include "idempotency/memory_store.hpp"

#include "idempotency/lifetime.hpp"

#include <functional>
#include <utility>

namespace fairlead {
namespace {

/// Each call sweeps a little more than it can add, so that what has ended does not pile up.
constexpr std::size_t kSweep = 4;

/// The length in front keeps two pairs with the same concatenation apart.
std::string id_of(ClaimKey key) {
  return std::to_string(key.scope.size()).append(1, ':').append(key.scope).append(key.key);
}

}  // namespace

bool MemoryIdempotencyStore::EndsFirst::operator()(Node const* a, Node const* b) const noexcept {
  if (a->second.until != b->second.until) return a->second.until < b->second.until;
  return std::less<>()(a, b);
}

MemoryIdempotencyStore::MemoryIdempotencyStore(StoreOptions options, std::function<Clock::time_point()> now)
    : options_(std::move(options)), now_(std::move(now)) {}

Result<Claim> MemoryIdempotencyStore::claim(ClaimKey key, std::string_view owner, std::chrono::milliseconds lease) {
  std::uint64_t evicted_before = 0;
  std::uint64_t evicted_now = 0;
  {
    std::lock_guard const lock(mutex_);
    auto const now = now_();
    std::string id = id_of(key);
    if (auto const at = entries_.find(id); at != entries_.end() && at->second.until > now) {
      if (at->second.is_done) return Claim{ClaimState::kDone};
      return Claim{ClaimState::kBusy, std::chrono::ceil<std::chrono::milliseconds>(at->second.until - now)};
    }
    evicted_before = evicted_;
    if (!make_room(id, now)) {
      return Error{Errc::kWouldBlock,
                   "idempotency store memory: all " + std::to_string(options_.max_entries) +
                       " entries are claims being worked on; raise max_entries or lower the concurrency",
                   true};
    }
    set(std::move(id), {std::string(owner), now + bounded_lifetime(lease), false});
    evicted_now = evicted_;
  }
  if (evicted_now != evicted_before && options_.on_evicted) options_.on_evicted(evicted_now);
  return Claim{ClaimState::kClaimed};
}

Result<bool> MemoryIdempotencyStore::complete(ClaimKey key, std::string_view owner, std::chrono::milliseconds keep) {
  std::lock_guard const lock(mutex_);
  auto const now = now_();
  std::string id = id_of(key);
  auto const at = entries_.find(id);
  bool const was_held = at != entries_.end() && at->second.owner == owner && at->second.until > now;
  set(std::move(id), {std::string(owner), now + bounded_lifetime(keep), true});
  return was_held;
}

Result<void> MemoryIdempotencyStore::release(ClaimKey key, std::string_view owner) {
  std::lock_guard const lock(mutex_);
  auto const at = entries_.find(id_of(key));
  if (at != entries_.end() && !at->second.is_done && at->second.owner == owner) remove(*at);
  return {};
}

StoreStats MemoryIdempotencyStore::stats() {
  std::lock_guard const lock(mutex_);
  return {entries_.size(), evicted_, expired_};
}

void MemoryIdempotencyStore::set(std::string id, Entry entry) {
  auto const [at, is_new] = entries_.try_emplace(std::move(id));
  if (!is_new) queue_of(at->second).erase(&*at);
  at->second = std::move(entry);
  queue_of(at->second).insert(&*at);
}

void MemoryIdempotencyStore::remove(Node const& node) {
  queue_of(node.second).erase(&node);
  entries_.erase(entries_.find(node.first));
}

void MemoryIdempotencyStore::remove_ended(Queue& queue, Clock::time_point now, std::size_t most) {
  for (; most > 0 && !queue.empty() && (*queue.begin())->second.until <= now; --most) {
    if (!(*queue.begin())->second.is_done) ++expired_;
    remove(**queue.begin());
  }
}

/// False: there is room for no further claim.
bool MemoryIdempotencyStore::make_room(std::string const& id, Clock::time_point now) {
  if (auto const old = entries_.find(id); old != entries_.end()) {  // ended: the new claim takes its place
    if (!old->second.is_done) ++expired_;
    remove(*old);
  }
  remove_ended(claims_, now, kSweep);
  remove_ended(done_, now, kSweep);
  for (; entries_.size() >= options_.max_entries && !done_.empty(); ++evicted_) remove(**done_.begin());
  return entries_.size() < options_.max_entries;
}

}  // namespace fairlead
