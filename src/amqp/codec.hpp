#pragma once

#include <amqp.h>
#include <amqp_framing.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

// rabbitmq-c as Fairlead uses it: constants, method structs and their encoders (docs/adr/0001-rabbitmq-c-as-codec.md).
namespace fairlead::amqp {

/// The largest frame Fairlead sends or accepts.
inline constexpr std::size_t kFrameMax = 131'072;
/// Type, channel and size in front of a frame's payload, and the end octet behind it.
inline constexpr std::size_t kFrameHeaderBytes = 7;
inline constexpr std::size_t kFrameOverhead = kFrameHeaderBytes + 1;
/// Longest value of a short string, such as a routing key or a message id.
inline constexpr std::size_t kShortStringMax = 255;

[[nodiscard]] inline amqp_bytes_t to_bytes(std::string_view text) noexcept {
  return {text.size(), const_cast<char*>(text.data())};  // rabbitmq-c never writes through it
}

[[nodiscard]] inline std::string_view to_view(amqp_bytes_t bytes) noexcept {
  return {static_cast<char const*>(bytes.bytes), bytes.len};
}

/// Where decoded method structs live until the next recycle().
class Pool {
 public:
  Pool() { init_amqp_pool(&pool_, 4096); }
  ~Pool() { empty_amqp_pool(&pool_); }
  Pool(Pool const&) = delete;
  Pool& operator=(Pool const&) = delete;
  void recycle() { recycle_amqp_pool(&pool_); }
  [[nodiscard]] amqp_pool_t* get() noexcept { return &pool_; }

 private:
  amqp_pool_t pool_{};
};

template <class Integer>
[[nodiscard]] Integer load_big_endian(char const* from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) value = value << 8 | static_cast<unsigned char>(from[i]);
  return static_cast<Integer>(value);
}

template <class Integer>
void store_big_endian(char* to, Integer value) noexcept {
  auto bits = static_cast<std::uint64_t>(value);
  for (std::size_t i = sizeof(Integer); i-- > 0; bits >>= 8) to[i] = static_cast<char>(bits & 0xff);
}

}  // namespace fairlead::amqp
