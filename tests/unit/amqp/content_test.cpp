#include "amqp/content.hpp"

#include "amqp/frame_writer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

namespace fairlead::amqp {
namespace {

using Status = ContentAssembler::Status;

/// A chunk with bytes in it, released at the end.
class Chunk {
 public:
  explicit Chunk(std::string_view bytes) : chunk_(pool_->take()), size_(bytes.size()) {
    std::memcpy(chunk_->data(), bytes.data(), bytes.size());
  }
  ~Chunk() {
    std::memset(chunk_->data(), '?', size_);  // what still points here would show
    chunk_->release();
  }
  Chunk(Chunk const&) = delete;
  Chunk& operator=(Chunk const&) = delete;
  ReadChunk& get() { return *chunk_; }
  std::string_view at(std::size_t offset, std::size_t size) { return {chunk_->data() + offset, size}; }

 private:
  std::shared_ptr<ChunkPool> pool_ = std::make_shared<ChunkPool>();
  ReadChunk* chunk_;
  std::size_t size_;
};

std::string header(std::uint64_t body_size, std::string_view properties) {
  std::string payload(12, '\0');
  store_big_endian(payload.data(), std::uint16_t{AMQP_BASIC_CLASS});
  store_big_endian(payload.data() + 4, body_size);
  return payload.append(properties);
}

TEST(ContentAssembler, CopiesNothingWhenAllPartsLieInOneChunk) {
  auto const head = header(4, "pp");
  Chunk chunk("fields" + head + "body");
  ContentAssembler assembler;
  assembler.begin(AMQP_BASIC_DELIVER_METHOD, chunk.at(0, 6), chunk.get());
  ASSERT_EQ(assembler.header(chunk.at(6, head.size()), chunk.get()), Status::kMore);
  ASSERT_EQ(assembler.body(chunk.at(6 + head.size(), 4), chunk.get()), Status::kComplete);
  auto const content = assembler.take();
  EXPECT_EQ(content.body.data(), chunk.at(6 + head.size(), 4).data());
  EXPECT_EQ(content.fields, "fields");
  EXPECT_EQ(content.properties, "pp");
  EXPECT_EQ(content.body, "body");
}

TEST(ContentAssembler, AMessageWithoutABodyIsCompleteWithItsHeader) {
  Chunk chunk(header(0, "pp"));
  ContentAssembler assembler;
  assembler.begin(AMQP_BASIC_DELIVER_METHOD, {}, chunk.get());
  ASSERT_EQ(assembler.header(chunk.at(0, 14), chunk.get()), Status::kComplete);
  EXPECT_EQ(assembler.take().body, "");
  EXPECT_TRUE(assembler.is_idle());
}

TEST(ContentAssembler, PartsInDifferentChunksOutliveThem) {
  ContentAssembler assembler;
  Content content;
  {
    Chunk first("fields");
    Chunk second(header(8, "pp"));
    Chunk third("body");
    Chunk fourth("more");
    assembler.begin(AMQP_BASIC_DELIVER_METHOD, first.at(0, 6), first.get());
    ASSERT_EQ(assembler.header(second.at(0, 14), second.get()), Status::kMore);
    ASSERT_EQ(assembler.body(third.at(0, 4), third.get()), Status::kMore);
    ASSERT_EQ(assembler.body(fourth.at(0, 4), fourth.get()), Status::kComplete);
    content = assembler.take();
  }
  EXPECT_EQ(content.fields, "fields");
  EXPECT_EQ(content.properties, "pp");
  EXPECT_EQ(content.body, "bodymore");
}

TEST(ContentAssembler, ABodyInAnotherChunkThanItsHeaderIsPutTogether) {
  ContentAssembler assembler;
  Content content;
  {
    auto const head = header(4, "pp");
    Chunk first("fields" + head);
    Chunk second("body");
    assembler.begin(AMQP_BASIC_DELIVER_METHOD, first.at(0, 6), first.get());
    ASSERT_EQ(assembler.header(first.at(6, head.size()), first.get()), Status::kMore);
    ASSERT_EQ(assembler.body(second.at(0, 4), second.get()), Status::kComplete);
    content = assembler.take();
  }
  EXPECT_EQ(content.fields, "fields");
  EXPECT_EQ(content.properties, "pp");
  EXPECT_EQ(content.body, "body");
}

TEST(ContentAssembler, RefusesABodyThatClaimsMoreThanTheLimitBeforeTakingMemory) {
  for (std::uint64_t const claim : {(std::uint64_t{128} << 20) + 1, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    Chunk chunk(header(claim, ""));
    ContentAssembler assembler;
    assembler.begin(AMQP_BASIC_DELIVER_METHOD, {}, chunk.get());
    EXPECT_EQ(assembler.header(chunk.at(0, 12), chunk.get()), Status::kInvalid) << claim;
  }
}

TEST(ContentAssembler, RefusesFramesOutOfOrder) {
  Chunk chunk(header(4, "") + "bodyx");
  ContentAssembler assembler;
  EXPECT_EQ(assembler.header(chunk.at(0, 12), chunk.get()), Status::kInvalid) << "a header without a method";
  EXPECT_EQ(assembler.body(chunk.at(12, 4), chunk.get()), Status::kInvalid) << "a body without a header";
  assembler.begin(AMQP_BASIC_DELIVER_METHOD, {}, chunk.get());
  EXPECT_EQ(assembler.header(chunk.at(0, 11), chunk.get()), Status::kInvalid) << "an undersized header";
  ASSERT_EQ(assembler.header(chunk.at(0, 12), chunk.get()), Status::kMore);
  EXPECT_EQ(assembler.body(chunk.at(12, 5), chunk.get()), Status::kInvalid) << "more body than was claimed";
}

}  // namespace
}  // namespace fairlead::amqp
