#pragma once

#include "amqp/codec.hpp"
#include "amqp/read_chunk.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace fairlead::amqp {

/// One frame; the payload points into the reader's chunk.
struct Frame {
  std::uint8_t type = 0;
  std::uint16_t channel = 0;
  std::string_view payload;
};

/// Cuts the bytes of a connection into frames, wherever the network cut them. Frames are not copied: a message that
/// must live longer shares the chunk. Thread-compatible.
class FrameReader {
 public:
  explicit FrameReader(std::shared_ptr<ChunkPool> pool);
  ~FrameReader();
  FrameReader(FrameReader const&) = delete;
  FrameReader& operator=(FrameReader const&) = delete;

  /// Where the next bytes go; never empty. Ends the life of frames from before, unless their chunk is shared.
  [[nodiscard]] std::span<char> space();
  void filled(std::size_t bytes) noexcept { end_ += bytes; }

  enum class Next { kFrame, kIncomplete, kInvalid };
  [[nodiscard]] Next next(Frame& frame) noexcept;
  /// Why next() answered kInvalid.
  [[nodiscard]] std::string_view problem() const noexcept { return problem_; }

  /// The chunk in which the last frame is.
  [[nodiscard]] ReadChunk& chunk() noexcept { return *chunk_; }

 private:
  Next invalid(std::string_view problem) noexcept;

  std::shared_ptr<ChunkPool> pool_;
  ReadChunk* chunk_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string_view problem_;
};

}  // namespace fairlead::amqp
