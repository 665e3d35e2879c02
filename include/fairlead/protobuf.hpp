#pragma once

#include <fairlead/codec.hpp>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead {

/// What `Codec` accepts for a message type. Specialise `kProtobufOptions` to change it:
///
///     template <>
///     inline constexpr fairlead::ProtobufOptions fairlead::kProtobufOptions<shop::Order>{.max_bytes = 64 << 10};
struct ProtobufOptions {
  std::size_t max_bytes = std::size_t{16} << 20;  ///< below 2 GiB, the limit of the format
  int max_depth = 100;                            ///< of nested messages
};
template <class T>
inline constexpr ProtobufOptions kProtobufOptions{};

/// Protocol Buffers for every generated message. Unknown fields are kept. Missing required fields are named, when
/// encoding and when decoding; a payload that is cut, has bytes left over, or is over the limits of `kProtobufOptions`
/// is an error.
template <std::derived_from<google::protobuf::Message> T>
struct Codec<T> {
  static constexpr std::string_view content_type = "application/x-protobuf";

  static Result<void> encode(T const& message, std::string& out) {
    if (!message.IsInitialized()) return missing(message);
    std::size_t const size = message.ByteSizeLong();
    if (size > kProtobufOptions<T>.max_bytes) return too_large(size);
    std::size_t const begin = out.size();
    out.resize(begin + size);
    message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(out.data() + begin));
    return {};
  }

  static Result<T> decode(std::string_view payload) {
    if (payload.size() > kProtobufOptions<T>.max_bytes) return too_large(payload.size());
    int const size = static_cast<int>(payload.size());
    google::protobuf::io::CodedInputStream stream(reinterpret_cast<std::uint8_t const*>(payload.data()), size);
    stream.SetTotalBytesLimit(size);
    stream.SetRecursionLimit(kProtobufOptions<T>.max_depth);
    T message;
    if (!message.ParsePartialFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
      return refused("not a " + message.GetTypeName() + ", cut, or nested deeper than " +
                     std::to_string(kProtobufOptions<T>.max_depth) + " levels");
    }
    if (!message.IsInitialized()) return missing(message);
    return message;
  }

 private:
  static_assert(kProtobufOptions<T>.max_bytes < (std::size_t{1} << 31U));

  static Error refused(std::string const& why) { return {Errc::kSerialization, "Protobuf: " + why}; }
  static Error missing(T const& message) {
    return refused(message.GetTypeName() + " misses required fields: " + message.InitializationErrorString());
  }
  static Error too_large(std::size_t bytes) {
    return refused("message of " + std::to_string(bytes) + " bytes is over the limit of " +
                   std::to_string(kProtobufOptions<T>.max_bytes));
  }
};

}  // namespace fairlead
