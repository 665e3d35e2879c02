#pragma once

#include "consume/inbound.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

namespace fairlead {

/// The messages of one key: one of them is out (ready, running or parked), the others wait behind it in order.
struct KeyQueue {
  std::string_view key;  // the bytes of the message that is out
  std::int32_t lane = 0;
  std::uint64_t hash = 0;
  InboundList waiting;
  KeyQueue* next = nullptr;  // in its chain, or in the free list
};

/// Finds the queue of a key. Keys are compared in full, so two keys with one hash have two queues. Queues are pooled.
/// Thread-compatible.
class KeyTable {
 public:
  using Hash = std::uint64_t (*)(std::string_view) noexcept;

  explicit KeyTable(Hash hash) : hash_(hash), buckets_(64, nullptr) {}

  /// The queue of that key, and whether it was made just now.
  struct Found {
    KeyQueue& queue;
    bool is_new;
  };
  [[nodiscard]] Found find_or_insert(std::string_view key, std::int32_t lane);
  void erase(KeyQueue& queue) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  template <class F>
  void for_each(F const& visit) {
    for (KeyQueue* chain : buckets_) {
      for (; chain != nullptr; chain = chain->next) visit(*chain);
    }
  }

 private:
  [[nodiscard]] KeyQueue*& bucket(std::uint64_t hash) noexcept { return buckets_[hash & (buckets_.size() - 1)]; }
  void grow();

  Hash hash_;
  std::vector<KeyQueue*> buckets_;  // a power of two long
  std::deque<KeyQueue> storage_;
  KeyQueue* free_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace fairlead
