#pragma once

#include "amqp/codec.hpp"
#include "amqp/read_chunk.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace fairlead::amqp {

/// A received message or returned publish, complete. The views are valid as long as `buffer`.
struct Content {
  amqp_method_number_t method = 0;  ///< basic.deliver or basic.return
  std::string_view fields;          ///< of the method, behind its id
  std::string_view properties;
  std::string_view body;
  BufferRef buffer;
};

/// Puts the frames of a message together: method, header, bodies. When all lie in one chunk, which is the rule, nothing
/// is copied. Thread-compatible.
class ContentAssembler {
 public:
  enum class Status { kMore, kComplete, kInvalid };

  void begin(amqp_method_number_t method, std::string_view fields, ReadChunk& chunk);
  [[nodiscard]] Status header(std::string_view payload, ReadChunk& chunk);
  [[nodiscard]] Status body(std::string_view payload, ReadChunk& chunk);
  /// After kComplete.
  [[nodiscard]] Content take() noexcept;
  void reset() noexcept;
  /// Why header() or body() answered kInvalid.
  [[nodiscard]] std::string const& problem() const noexcept { return problem_; }
  [[nodiscard]] bool is_idle() const noexcept { return part_ == Part::kNone; }

 private:
  enum class Part { kNone, kHeader, kBody };

  Status invalid(std::string problem);
  void move_to_own_memory();

  Part part_ = Part::kNone;
  Content content_;
  ReadChunk* chunk_ = nullptr;   // that content_.buffer shares
  std::unique_ptr<char[]> own_;  // or where all parts are copied to: fields, properties, body
  std::size_t body_size_ = 0;
  std::size_t body_received_ = 0;
  std::string problem_;
};

}  // namespace fairlead::amqp
