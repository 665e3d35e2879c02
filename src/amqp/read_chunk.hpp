#pragma once

#include "consume/inbound.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace fairlead::amqp {

class ReadChunk;

/// Chunks that nobody reads any more, kept for the next read. Thread-safe: a chunk comes home on the thread that
/// released the last message in it, which may be after the connection is gone.
class ChunkPool : public std::enable_shared_from_this<ChunkPool> {
 public:
  ~ChunkPool();
  /// A chunk with one reference.
  [[nodiscard]] ReadChunk* take();

 private:
  friend class ReadChunk;
  static constexpr std::size_t kMaxKept = 16;
  void put(ReadChunk* chunk) noexcept;

  std::mutex mutex_;
  std::vector<ReadChunk*> free_;
};

/// Bytes read from the socket, shared by the reader and the messages whose views point into them.
class ReadChunk {
 public:
  /// Room for two of the largest frames, so that a message rarely straddles two chunks.
  static constexpr std::size_t kSize = std::size_t{256} << 10;

  [[nodiscard]] char* data() noexcept { return bytes_.data(); }
  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;
  [[nodiscard]] bool is_shared() const noexcept { return references_.load(std::memory_order_acquire) > 1; }

  /// One more reference, given back when the BufferRef is destroyed.
  [[nodiscard]] BufferRef share() noexcept {
    retain();
    return {this, [](void* chunk) noexcept { static_cast<ReadChunk*>(chunk)->release(); }};
  }

 private:
  friend class ChunkPool;
  std::atomic<int> references_{0};
  std::shared_ptr<ChunkPool> home_;  // only while taken: a pool must not keep itself alive
  std::array<char, kSize> bytes_;
};

}  // namespace fairlead::amqp
