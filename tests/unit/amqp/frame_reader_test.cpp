#include "amqp/frame_reader.hpp"

#include "amqp/frame_writer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace fairlead::amqp {
namespace {

struct Copy {
  std::uint8_t type;
  std::uint16_t channel;
  std::string payload;
  friend bool operator==(Copy const&, Copy const&) = default;
};

void feed(FrameReader& reader, std::string_view bytes) {
  while (!bytes.empty()) {
    auto const space = reader.space();
    auto const size = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), size);
    reader.filled(size);
    bytes.remove_prefix(size);
  }
}

std::vector<Copy> drain(FrameReader& reader) {
  std::vector<Copy> frames;
  Frame frame;
  while (reader.next(frame) == FrameReader::Next::kFrame) {
    frames.push_back({frame.type, frame.channel, std::string(frame.payload)});
  }
  return frames;
}

FrameReader::Next first_of(std::string_view bytes) {
  FrameReader reader(std::make_shared<ChunkPool>());
  feed(reader, bytes);
  Frame frame;
  return reader.next(frame);
}

TEST(FrameReader, FindsTheSameFramesWhereverTheBytesWereCut) {
  ByteBuffer out;
  append_frame(out, AMQP_FRAME_METHOD, 1, "method");
  append_frame(out, AMQP_FRAME_HEADER, 1, "header");
  append_frame(out, AMQP_FRAME_BODY, 1, std::string(100, 'b'));
  append_heartbeat(out);
  std::vector<Copy> const expected{{AMQP_FRAME_METHOD, 1, "method"},
                                   {AMQP_FRAME_HEADER, 1, "header"},
                                   {AMQP_FRAME_BODY, 1, std::string(100, 'b')},
                                   {AMQP_FRAME_HEARTBEAT, 0, ""}};

  for (std::size_t cut = 0; cut <= out.size(); ++cut) {
    FrameReader reader(std::make_shared<ChunkPool>());
    feed(reader, out.view().substr(0, cut));
    auto frames = drain(reader);
    feed(reader, out.view().substr(cut));
    for (auto& frame : drain(reader)) frames.push_back(std::move(frame));
    ASSERT_EQ(frames, expected) << "cut at " << cut;
  }
}

TEST(FrameReader, KeepsUpWithMoreThanAChunkOfLargeFrames) {
  ByteBuffer out;
  for (char c = 'a'; c < 'k'; ++c) append_frame(out, AMQP_FRAME_BODY, 1, std::string(kFrameMax - kFrameOverhead, c));
  FrameReader reader(std::make_shared<ChunkPool>());
  std::string seen;
  for (auto bytes = out.view(); !bytes.empty();) {
    auto const size = std::min<std::size_t>(bytes.size(), 50'000);
    feed(reader, bytes.substr(0, size));
    bytes.remove_prefix(size);
    for (auto const& frame : drain(reader)) {
      seen += frame.payload.front();
      EXPECT_EQ(frame.payload, std::string(kFrameMax - kFrameOverhead, frame.payload.front()));
    }
  }
  EXPECT_EQ(seen, "abcdefghij");
}

TEST(FrameReader, FramesInASharedChunkOutliveTheReader) {
  BufferRef buffer;
  std::string_view payload;
  {
    FrameReader reader(std::make_shared<ChunkPool>());
    ByteBuffer out;
    append_frame(out, AMQP_FRAME_BODY, 1, "kept");
    feed(reader, out.view());
    Frame frame;
    ASSERT_EQ(reader.next(frame), FrameReader::Next::kFrame);
    payload = frame.payload;
    buffer = reader.chunk().share();
    for (int i = 0; i < 10'000; ++i) {
      feed(reader, out.view());
      (void)drain(reader);
    }
  }
  EXPECT_EQ(payload, "kept");
}

TEST(FrameReader, RefusesAFrameWithoutItsEnd) {
  ByteBuffer out;
  append_frame(out, AMQP_FRAME_METHOD, 1, "method");
  std::string bytes(out.view());
  bytes.back() = 'x';
  EXPECT_EQ(first_of(bytes), FrameReader::Next::kInvalid);
}

TEST(FrameReader, RefusesAFrameThatClaimsMoreThanFrameMax) {
  char header[kFrameHeaderBytes];
  store_frame_header(header, AMQP_FRAME_BODY, 1, kFrameMax - kFrameOverhead + 1);
  EXPECT_EQ(first_of({header, sizeof header}), FrameReader::Next::kInvalid);
  store_frame_header(header, AMQP_FRAME_BODY, 1, kFrameMax - kFrameOverhead);
  EXPECT_EQ(first_of({header, sizeof header}), FrameReader::Next::kIncomplete);
}

TEST(FrameReader, RecognisesAPeerThatSpeaksSomethingElse) {
  EXPECT_EQ(first_of(std::string_view("AMQP\x03\x01\x00\x00", 8)), FrameReader::Next::kInvalid);
  EXPECT_EQ(first_of("HTTP/1.1 400 Bad Request"), FrameReader::Next::kInvalid);
}

}  // namespace
}  // namespace fairlead::amqp
