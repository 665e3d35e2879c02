#pragma once

#include <fairlead/result.hpp>

#include <concepts>
#include <string>
#include <string_view>

namespace fairlead {

/// How a type becomes bytes: the one extension point of typed publishers and subscribers. Specialise it, or include
/// `fairlead/json.hpp` or `fairlead/protobuf.hpp`, which do it for the types those libraries know.
///
///     template <> struct fairlead::Codec<Order> {
///       static constexpr std::string_view content_type = "text/csv";
///       static Result<void> encode(Order const&, std::string& out);   // appends to `out`
///       static Result<Order> decode(std::string_view payload);
///     };
template <class T>
struct Codec;

template <class T>
concept Encodable = requires(T const& value, std::string& out, std::string_view payload) {
  { Codec<T>::content_type } -> std::convertible_to<std::string_view>;
  { Codec<T>::encode(value, out) } -> std::same_as<Result<void>>;
  { Codec<T>::decode(payload) } -> std::same_as<Result<T>>;
};

/// A type may bring `Result<void> validate(T const&)` in its own namespace: it is asked before a value is published
/// and after one was decoded.
template <class T>
concept Validated = requires(T const& value) {
  { validate(value) } -> std::same_as<Result<void>>;
};

template <class T>
Result<void> check_value(T const& value) {
  if constexpr (Validated<T>) {
    auto verdict = validate(value);
    if (!verdict) verdict.error().code = Errc::kValidation;
    return verdict;
  } else {
    return {};
  }
}

}  // namespace fairlead
