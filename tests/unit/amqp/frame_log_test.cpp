#include "amqp/frame_log.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace fairlead::amqp {
namespace {

using Segment = FrameLog::Segment;

Segment& append(FrameLog& log, std::string_view frames) {
  auto& segment = log.open_for(frames.size());
  segment.frames.append(frames);
  FrameLog::hold(segment);
  return segment;
}

TEST(FrameLog, NeverMovesWhatIsKept) {
  FrameLog log;
  std::string const frames(1'000, 'x');
  auto& first = append(log, frames);
  auto const* const place = first.frames.view().data();
  for (int i = 0; i < 1'000; ++i) append(log, frames);
  EXPECT_EQ(first.frames.view().data(), place);
  EXPECT_EQ(first.frames.view().substr(0, 1'000), frames);
}

TEST(FrameLog, TakesWhatIsLargerThanASegment) {
  FrameLog log;
  auto& large = append(log, std::string(1'000'000, 'x'));
  EXPECT_EQ(large.frames.size(), 1'000'000u);
  auto& next = append(log, "y");
  EXPECT_NE(&large, &next);
  log.release(large);
  EXPECT_EQ(log.bytes(), FrameLog::kSegmentBytes) << "a large one is not kept for later";
}

TEST(FrameLog, MemoryFollowsWhatIsKeptAndNotWhatPassedThrough) {
  FrameLog log;
  std::deque<Segment*> kept;
  for (int i = 0; i < 100'000; ++i) {
    kept.push_back(&append(log, std::string(300, 'x')));
    if (kept.size() <= 1'000) continue;
    log.release(*kept.front());
    kept.pop_front();
  }
  EXPECT_LE(log.bytes(), 1'000 * 300 + 2 * FrameLog::kSegmentBytes);
  for (auto* const segment : kept) log.release(*segment);
  EXPECT_EQ(log.bytes(), FrameLog::kSegmentBytes) << "the one that is appended to";
}

TEST(FrameLog, OneThatIsKeptHoldsItsSegmentOnly) {
  FrameLog log;
  append(log, "never confirmed");
  for (int i = 0; i < 10'000; ++i) log.release(append(log, std::string(300, 'x')));
  EXPECT_LE(log.bytes(), 2 * FrameLog::kSegmentBytes);
}

}  // namespace
}  // namespace fairlead::amqp
