#include "amqp/content.hpp"

#include <cstring>
#include <string>
#include <utility>

namespace fairlead::amqp {

namespace {

// RabbitMQ's own limit. What claims to be larger is not given memory.
constexpr std::uint64_t kMaxBody = std::uint64_t{128} << 20;
// Class, weight and body size in front of the properties.
constexpr std::size_t kBeforeProperties = 12;

}  // namespace

void ContentAssembler::begin(amqp_method_number_t method, std::string_view fields, ReadChunk& chunk) {
  content_ = {method, fields, {}, {}, chunk.share()};
  chunk_ = &chunk;
  part_ = Part::kHeader;
}

ContentAssembler::Status ContentAssembler::header(std::string_view payload, ReadChunk& chunk) {
  if (part_ != Part::kHeader) return invalid("a content header without its method");
  if (payload.size() < kBeforeProperties) return invalid("undersized content header");
  auto const size = load_big_endian<std::uint64_t>(payload.data() + 4);
  if (size > kMaxBody) {
    return invalid("a message claims to have " + std::to_string(size) + " bytes; the limit is " +
                   std::to_string(kMaxBody));
  }
  body_size_ = static_cast<std::size_t>(size);
  body_received_ = 0;
  content_.properties = payload.substr(kBeforeProperties);
  part_ = Part::kBody;
  if (&chunk != chunk_) move_to_own_memory();
  return body_size_ == 0 ? Status::kComplete : Status::kMore;
}

ContentAssembler::Status ContentAssembler::body(std::string_view payload, ReadChunk& chunk) {
  if (part_ != Part::kBody) return invalid("a body without its header");
  if (payload.size() > body_size_ - body_received_) return invalid("a body larger than its header says");
  if (own_ == nullptr && &chunk == chunk_ && payload.size() == body_size_) {
    content_.body = payload;
    return Status::kComplete;
  }
  if (own_ == nullptr) move_to_own_memory();
  auto* const at = own_.get() + content_.fields.size() + content_.properties.size();
  if (!payload.empty()) std::memcpy(at + body_received_, payload.data(), payload.size());
  body_received_ += payload.size();
  content_.body = {at, body_received_};
  return body_received_ == body_size_ ? Status::kComplete : Status::kMore;
}

ContentAssembler::Status ContentAssembler::invalid(std::string problem) {
  problem_ = std::move(problem);
  return Status::kInvalid;
}

void ContentAssembler::move_to_own_memory() {
  auto const fields = content_.fields;
  auto const properties = content_.properties;
  own_ = std::make_unique_for_overwrite<char[]>(fields.size() + properties.size() + body_size_);
  std::memcpy(own_.get(), fields.data(), fields.size());
  std::memcpy(own_.get() + fields.size(), properties.data(), properties.size());
  content_.fields = {own_.get(), fields.size()};
  content_.properties = {own_.get() + fields.size(), properties.size()};
  content_.buffer.reset();
}

Content ContentAssembler::take() noexcept {
  if (own_ != nullptr) {
    content_.buffer = {own_.release(), [](void* bytes) noexcept { delete[] static_cast<char*>(bytes); }};
  }
  part_ = Part::kNone;
  return std::move(content_);
}

void ContentAssembler::reset() noexcept {
  part_ = Part::kNone;
  content_ = {};
  own_.reset();
}

}  // namespace fairlead::amqp
