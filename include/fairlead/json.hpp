#pragma once

#include <fairlead/codec.hpp>
#include <fairlead/detail/json_comparison.hpp>
#include <fairlead/detail/json_fault.hpp>
#include <fairlead/detail/json_parse.hpp>
#include <fairlead/detail/json_text.hpp>

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace fairlead {

/// What `Codec` accepts as JSON for a type. Specialise `kJsonOptions` to change it:
///
///     template <> inline constexpr fairlead::JsonOptions fairlead::kJsonOptions<Order>{.max_bytes = 64 << 10};
struct JsonOptions {
  std::size_t max_bytes = std::size_t{16} << 20;
  std::size_t max_depth = 64;  ///< of nested arrays and objects
  /// Refuse a payload that says something else than the value read from it: 1.5 or 300 for a `uint8_t`, an enumerator
  /// nobody has heard of. Turn it off for types that read what they would write differently, such as dates in any zone.
  bool exact = true;
};
template <class T>
inline constexpr JsonOptions kJsonOptions{};

/// What nlohmann/json converts both ways and `fairlead/protobuf.hpp` does not claim. Types that would point into the
/// parsed document are left out.
template <class T>
concept JsonConvertible = !std::is_pointer_v<T> && !std::same_as<T, std::string_view> && !requires(T const& message) {
  message.SerializeAsString();
}
&&requires(T const& value, nlohmann::json const& document) {
  nlohmann::json(value);
  { document.get<T>() } -> std::same_as<T>;
};

/// JSON for every type that nlohmann/json knows, by `NLOHMANN_DEFINE_TYPE_...`, `to_json`/`from_json` or
/// `adl_serializer`. Unknown members are tolerated. A missing, mistyped or unrepresentable member is an error that
/// names its path, such as `/items/0/price`; so are duplicate members, invalid UTF-8, NaN, and what is over the limits
/// of `kJsonOptions`. Errors never quote the payload's values.
template <JsonConvertible T>
struct Codec<T> {
  static constexpr std::string_view content_type = "application/json";

  static Result<void> encode(T const& value, std::string& out) {
    try {
      nlohmann::json const document(value);
      auto const fault = detail::find_unencodable(document, kJsonOptions<T>.max_depth);
      if (!fault.empty()) return refused(fault);
      out.append(document.dump());
      return {};
    } catch (std::bad_alloc const&) {
      throw;
    } catch (std::exception const& problem) {
      return refused(detail::plain_json_error(problem.what()));
    }
  }

  static Result<T> decode(std::string_view payload) {
    if (payload.size() > kJsonOptions<T>.max_bytes) {
      return refused("payload of " + std::to_string(payload.size()) + " bytes is over the limit of " +
                     std::to_string(kJsonOptions<T>.max_bytes));
    }
    nlohmann::json document;
    if (auto fault = detail::parse_json(payload, kJsonOptions<T>.max_depth, document); !fault.empty()) {
      return refused(fault);
    }
    try {
      T value = document.get<T>();
      if constexpr (kJsonOptions<T>.exact && !std::same_as<T, nlohmann::json>) {
        detail::JsonComparison<nlohmann::json> comparison;
        if (!comparison.covers(document, nlohmann::json(value))) {
          return refused(comparison.path() + " does not fit the type that it is read into");
        }
      }
      return value;
    } catch (std::bad_alloc const&) {
      throw;
    } catch (std::exception const& problem) {
      return refused(detail::explain_json_fault(document, problem.what(), payload.size(), failure_of));
    }
  }

 private:
  static Error refused(std::string const& why) { return {Errc::kSerialization, "JSON: " + why}; }

  /// Why the document does not convert; empty when it does.
  static std::string failure_of(nlohmann::json const& document) {
    try {
      (void)document.get<T>();
      return {};
    } catch (std::bad_alloc const&) {
      throw;
    } catch (std::exception const& problem) {
      return problem.what();
    }
  }
};

}  // namespace fairlead
