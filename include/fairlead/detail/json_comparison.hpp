#pragma once

#include <fairlead/detail/json_text.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>

namespace fairlead::detail {

/// Compares what was sent with what the value read from it would send. nlohmann's conversions change some values
/// without a word (1.5 to 1, -1 to 4294967295, 300 to 44, true to 1, an unknown enumerator to the first one); this sees
/// it for any type, as no conversion can be asked beforehand. Single-owner.
template <class Json>
class JsonComparison {
 public:
  /// Everything in `sent` that its type has kept is in `read` unchanged. Members that the type does not know, members
  /// it adds, and values that it deliberately writes in another kind (a number as a string) are accepted.
  bool covers(Json const& sent, Json const& read) {
    if (searches_ > 0 && --budget_ <= 0) return false;
    if (sent.is_object() && read.is_object()) return covers_object(sent, read);
    if (sent.is_array() && read.is_array()) return covers_array(sent, read);
    if (sent.is_null()) return true;
    if (read.is_null()) return false;
    if (is_arithmetic(sent) && is_arithmetic(read)) return same_number(sent, read);
    if (sent.is_string() && read.is_string()) return sent == read;
    return true;
  }

  /// Where the last comparison failed; `/` for the whole document.
  [[nodiscard]] std::string path() const { return path_.empty() ? "/" : path_; }

 private:
  bool covers_object(Json const& sent, Json const& read) {
    for (auto member = sent.begin(); member != sent.end(); ++member) {
      auto const kept = read.find(member.key());
      if (kept != read.end() && !covers(*member, *kept)) {
        path_.insert(0, json_step(member.key()));
        return false;
      }
    }
    return true;
  }

  bool covers_array(Json const& sent, Json const& read) {
    std::unordered_set<std::string> elements;  // of `read`, as text
    for (std::size_t i = 0; i < sent.size(); ++i) {
      if (i < read.size() && covers(sent[i], read[i])) continue;
      // Sets and maps keep elements in another order, and equal ones once.
      std::string const below = std::exchange(path_, {});
      if (elements.empty()) {
        for (auto const& element : read) elements.insert(element.dump());
      }
      if (elements.contains(sent[i].dump()) || is_anywhere(sent[i], read)) continue;
      path_ = json_step(i) + below;
      return false;
    }
    return true;
  }

  /// For elements that are not written the same, such as those with unknown members. It costs the square of their
  /// number, so it has a bound; past it they count as not kept.
  bool is_anywhere(Json const& sent, Json const& read) {
    ++searches_;
    bool found = false;
    for (auto it = read.begin(); !found && budget_ > 0 && it != read.end(); ++it) found = covers(sent, *it);
    --searches_;
    path_.clear();
    return found;
  }

  static bool is_arithmetic(Json const& value) { return value.is_number() || value.is_boolean(); }

  /// Whole numbers stay exact; a fraction may be rounded to the precision of a `float`.
  static bool same_number(Json const& sent, Json const& read) {
    if (sent.is_boolean() || read.is_boolean()) return sent == read;
    if (!read.is_number_float()) return sent.is_number_float() ? is_whole(sent, read) : same_whole(sent, read);
    if (!sent.is_number_float()) return is_whole(read, sent);
    auto const from = sent.template get<double>();
    auto const to = read.template get<double>();
    return std::isfinite(to) && (from == to || static_cast<double>(static_cast<float>(from)) == to);
  }
  static bool same_whole(Json const& a, Json const& b) {
    // nlohmann compares by converting to signed: 2^64 - 1 would equal -1.
    bool const is_same_sign = is_negative(a) == is_negative(b);
    return is_same_sign && a.template get<std::uint64_t>() == b.template get<std::uint64_t>();
  }
  static bool is_negative(Json const& whole) {
    return !whole.is_number_unsigned() && whole.template get<std::int64_t>() < 0;
  }
  /// The float has exactly the value of the whole number.
  static bool is_whole(Json const& floating, Json const& whole) {
    double const value = floating.template get<double>();
    if (std::trunc(value) != value || std::abs(value) >= 0x1p64) return false;
    if (value < 0) {
      return is_negative(whole) && value >= -0x1p63 &&
             static_cast<std::int64_t>(value) == whole.template get<std::int64_t>();
    }
    return !is_negative(whole) && static_cast<std::uint64_t>(value) == whole.template get<std::uint64_t>();
  }

  std::string path_;
  int searches_ = 0;
  std::int64_t budget_ = 1'000'000;
};

}  // namespace fairlead::detail
