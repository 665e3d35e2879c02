#include "amqp/frame_log.hpp"

#include <algorithm>
#include <utility>

namespace fairlead::amqp {

FrameLog::Segment& FrameLog::open_for(std::size_t bytes) {
  if (last_ != nullptr && last_->frames.room() >= bytes) return *last_;
  std::unique_ptr<Segment> segment;
  if (bytes <= kSegmentBytes && !free_.empty()) {
    segment = std::move(free_.back());
    free_.pop_back();
  } else {
    segment = std::make_unique<Segment>();
    [[maybe_unused]] auto* const room = segment->frames.reserve(std::max(bytes, kSegmentBytes));
    free_.reserve(kMaxFree);  // so that release() cannot fail
  }
  segment->place = used_.size();
  used_.push_back(std::move(segment));
  if (auto* const full = std::exchange(last_, used_.back().get())) release(*full);
  hold(*last_);
  bytes_ += last_->frames.room();
  return *last_;
}

void FrameLog::release(Segment& segment) noexcept {
  if (--segment.users > 0) return;
  auto const place = segment.place;
  auto done = std::exchange(used_[place], std::move(used_.back()));
  used_.pop_back();
  if (place < used_.size()) used_[place]->place = place;
  done->frames.clear();
  bytes_ -= done->frames.room();
  if (done->frames.room() == kSegmentBytes && free_.size() < kMaxFree) free_.push_back(std::move(done));
}

}  // namespace fairlead::amqp
