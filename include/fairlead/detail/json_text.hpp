#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace fairlead::detail {

/// What nlohmann/json says, without its own exception name, the path of JSON_DIAGNOSTICS and the quoted piece of the
/// payload.
inline std::string plain_json_error(std::string_view text) {
  if (text.starts_with("[json.exception.")) text.remove_prefix(text.find(']') + 2);
  if (text.starts_with("(/")) text.remove_prefix(std::min(text.find(") "), text.size() - 2) + 2);
  return std::string(text.substr(0, text.find("; last read")));
}

/// One step of a JSON pointer (RFC 6901). Long names are cut: they may come from the payload.
inline std::string json_step(std::string_view name) {
  static constexpr std::size_t kMaxName = 64;
  std::string step("/");
  for (char const letter : name.substr(0, kMaxName)) {
    if (letter == '~') {
      step.append("~0");
    } else if (letter == '/') {
      step.append("~1");
    } else {
      step.push_back(letter);
    }
  }
  return step;
}
inline std::string json_step(std::size_t index) { return json_step(std::to_string(index)); }

/// The path and what is wrong with the first node that is too deep or that JSON has no form for; empty when all is
/// well.
template <class Json>
std::string find_unencodable(Json const& node, std::size_t depth_left) {
  if (node.is_structured()) {
    if (depth_left == 0) return " is nested too deeply";
    std::size_t index = 0;
    for (auto it = node.begin(); it != node.end(); ++it, ++index) {
      auto fault = find_unencodable(*it, depth_left - 1);
      if (!fault.empty()) return (node.is_object() ? json_step(it.key()) : json_step(index)) + fault;
    }
    return {};
  }
  if (node.is_number_float() && !std::isfinite(node.template get<double>())) return " is not a finite number";
  if (node.is_binary() || node.is_discarded()) return " has no form in JSON";
  return {};
}

}  // namespace fairlead::detail
