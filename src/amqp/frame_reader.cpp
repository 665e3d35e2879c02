#include "amqp/frame_reader.hpp"

#include <cstring>

namespace fairlead::amqp {

namespace {

// Less free room than this is not worth a read.
constexpr std::size_t kMinRead = std::size_t{16} << 10;

static_assert(ReadChunk::kSize >= kFrameMax + kMinRead);

}  // namespace

FrameReader::FrameReader(std::shared_ptr<ChunkPool> pool) : pool_(std::move(pool)), chunk_(pool_->take()) {}

FrameReader::~FrameReader() { chunk_->release(); }

std::span<char> FrameReader::space() {
  auto const unread = end_ - begin_;
  if (!chunk_->is_shared()) {
    if (unread == 0) {
      begin_ = end_ = 0;
    } else if (ReadChunk::kSize - begin_ < kFrameMax || ReadChunk::kSize - end_ < kMinRead) {
      std::memmove(chunk_->data(), chunk_->data() + begin_, unread);
      begin_ = 0;
      end_ = unread;
    }
  } else if (ReadChunk::kSize - begin_ < kFrameMax || ReadChunk::kSize - end_ < kMinRead) {
    auto* const fresh = pool_->take();
    std::memcpy(fresh->data(), chunk_->data() + begin_, unread);
    chunk_->release();
    chunk_ = fresh;
    begin_ = 0;
    end_ = unread;
  }
  return {chunk_->data() + end_, ReadChunk::kSize - end_};
}

FrameReader::Next FrameReader::next(Frame& frame) noexcept {
  auto const available = end_ - begin_;
  auto const* const at = chunk_->data() + begin_;
  if (available == 0) return Next::kIncomplete;
  auto const type = static_cast<std::uint8_t>(at[0]);
  if (type != AMQP_FRAME_METHOD && type != AMQP_FRAME_HEADER && type != AMQP_FRAME_BODY &&
      type != AMQP_FRAME_HEARTBEAT) {
    // A broker that does not speak 0-9-1 answers with its own protocol header.
    return invalid(type == 'A' ? "the peer does not speak AMQP 0-9-1" : "unknown frame type");
  }
  if (available < kFrameHeaderBytes) return Next::kIncomplete;
  auto const size = load_big_endian<std::uint32_t>(at + 3);
  if (size > kFrameMax - kFrameOverhead) return invalid("frame larger than frame_max");
  if (available < size + kFrameOverhead) return Next::kIncomplete;
  if (static_cast<std::uint8_t>(at[kFrameHeaderBytes + size]) != AMQP_FRAME_END) return invalid("frame end missing");
  frame = {type, load_big_endian<std::uint16_t>(at + 1), {at + kFrameHeaderBytes, size}};
  begin_ += size + kFrameOverhead;
  return Next::kFrame;
}

FrameReader::Next FrameReader::invalid(std::string_view problem) noexcept {
  problem_ = problem;
  return Next::kInvalid;
}

}  // namespace fairlead::amqp
