#include "amqp/read_chunk.hpp"

namespace fairlead::amqp {

ChunkPool::~ChunkPool() {
  for (auto* chunk : free_) delete chunk;
}

ReadChunk* ChunkPool::take() {
  ReadChunk* chunk = nullptr;
  {
    std::lock_guard const lock(mutex_);
    free_.reserve(kMaxKept);  // so that put() cannot fail
    if (!free_.empty()) {
      chunk = free_.back();
      free_.pop_back();
    }
  }
  if (chunk == nullptr) chunk = new ReadChunk;
  chunk->home_ = shared_from_this();
  chunk->references_.store(1, std::memory_order_relaxed);
  return chunk;
}

void ChunkPool::put(ReadChunk* chunk) noexcept {
  {
    std::lock_guard const lock(mutex_);
    if (free_.size() < kMaxKept) {
      free_.push_back(chunk);
      return;
    }
  }
  delete chunk;
}

void ReadChunk::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  auto const home = std::move(home_);
  home->put(this);
}

}  // namespace fairlead::amqp
