#include "consume/key_table.hpp"

#include <utility>

namespace fairlead {

KeyTable::Found KeyTable::find_or_insert(std::string_view key, std::int32_t lane) {
  std::uint64_t const hash = key.empty() ? static_cast<std::uint64_t>(lane) : hash_(key);
  for (KeyQueue* queue = bucket(hash); queue != nullptr; queue = queue->next) {
    if (queue->hash == hash && queue->lane == lane && queue->key == key) return {*queue, false};
  }
  if (size_ == buckets_.size()) grow();
  KeyQueue* queue = free_;
  if (queue != nullptr) {
    free_ = queue->next;
  } else {
    queue = &storage_.emplace_back();
  }
  *queue = {key, lane, hash, {}, std::exchange(bucket(hash), queue)};
  ++size_;
  return {*queue, true};
}

void KeyTable::erase(KeyQueue& queue) noexcept {
  KeyQueue** link = &bucket(queue.hash);
  while (*link != &queue) link = &(*link)->next;
  *link = queue.next;
  queue.next = std::exchange(free_, &queue);
  --size_;
}

void KeyTable::grow() {
  std::vector<KeyQueue*> const narrow = std::exchange(buckets_, std::vector<KeyQueue*>(buckets_.size() * 2, nullptr));
  for (KeyQueue* chain : narrow) {
    while (chain != nullptr) {
      KeyQueue* const queue = std::exchange(chain, chain->next);
      queue->next = std::exchange(bucket(queue->hash), queue);
    }
  }
}

}  // namespace fairlead
