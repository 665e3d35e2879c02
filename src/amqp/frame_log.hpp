#pragma once

#include "amqp/byte_buffer.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace fairlead::amqp {

/// Where the frames of publishes are until nobody needs them any more: appended behind each other in segments that
/// never move, so that one thread can write them to a socket while others append. A segment is used again once the last
/// message in it is done. Thread-compatible.
class FrameLog {
 public:
  struct Segment {
    ByteBuffer frames;
    std::size_t users = 0;  ///< messages whose frames are kept in it, and who is appending or writing
    std::size_t place = 0;  ///< among the segments in use
  };
  /// What one write to a socket takes, and small enough that one message without an answer does not hold much.
  static constexpr std::size_t kSegmentBytes = std::size_t{64} << 10;

  /// The segment to which up to `bytes` are to be appended next.
  [[nodiscard]] Segment& open_for(std::size_t bytes);
  static void hold(Segment& segment) noexcept { ++segment.users; }
  void release(Segment& segment) noexcept;

  /// Memory of the segments in use.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  static constexpr std::size_t kMaxFree = 8;

  std::vector<std::unique_ptr<Segment>> used_;
  std::vector<std::unique_ptr<Segment>> free_;
  Segment* last_ = nullptr;  // the one that is appended to
  std::size_t bytes_ = 0;
};

}  // namespace fairlead::amqp
