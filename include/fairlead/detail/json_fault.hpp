#pragma once

#include <fairlead/detail/json_text.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::detail {

/// The member that a conversion asked for in vain; empty when it failed otherwise.
inline std::string missing_json_name(std::string_view failure) {
  static constexpr std::string_view kBefore = "key '";
  std::string const reason = plain_json_error(failure);
  std::size_t const end = reason.rfind("' not found");
  if (!reason.starts_with(kBefore) || end == std::string::npos) return {};
  return reason.substr(kBefore.size(), end - kBefore.size());
}

/// Finds the node at which a conversion fails. nlohmann/json tells the path only with JSON_DIAGNOSTICS, which is the
/// application's to decide, so the conversion itself is asked: a node replaced by one of no type changes the failure
/// when the conversion reads it no later than the node at fault. Going down from the root, the child at fault is the
/// last-read one of those. Bounded by the number of probes. Single-owner; leaves the document as it was.
template <class Json>
class JsonFault {
 public:
  using FailureOf = std::string (*)(Json const&);

  JsonFault(Json& document, std::string failure, FailureOf failure_of, int max_probes)
      : document_(document),
        failure_(std::move(failure)),
        missing_name_(missing_json_name(failure_)),
        failure_of_(failure_of),
        probes_left_(max_probes) {}

  /// The JSON pointer of the deepest node that could be told to be at fault; empty for the root.
  std::string path() {
    std::string path;
    if (failure_of_(document_) != failure_) return path;  // it was not reading that failed
    for (Json* node = &document_; node != nullptr;) {
      if (lacks_what_is_read(*node)) break;
      if (node->is_array()) {
        std::size_t const index = last_element_read(*node);
        if (index == node->size()) break;
        path += json_step(index);
        node = &(*node)[index];
      } else if (node->is_object()) {
        auto const member = last_member_read(*node);
        if (member == node->end()) break;
        path += json_step(member.key());
        node = &*member;
      } else {
        break;
      }
    }
    return path;
  }

 private:
  /// What the failure misses is missing in this node: put there, it is read.
  bool lacks_what_is_read(Json& node) {
    if (node.is_object() && !missing_name_.empty() && !node.contains(missing_name_)) {
      node.emplace(missing_name_, discarded_);
      bool const is_read = failure_of_(document_) != failure_;
      node.erase(missing_name_);
      return is_read;
    }
    if (node.is_array() && failure_.find("is out of range") != std::string::npos) {
      node.push_back(discarded_);
      bool const is_read = failure_of_(document_) != failure_;
      node.erase(node.size() - 1);
      return is_read;
    }
    return false;
  }

  /// Elements are read in their order: bisect. The size of the array when no element is at fault.
  std::size_t last_element_read(Json& array) {
    std::size_t begin = 0;
    std::size_t end = array.size();
    while (begin < end) {
      std::size_t const middle = begin + (end - begin) / 2;
      if (probes_left_ <= 0) return array.size();
      if (is_read(array[middle])) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    return begin == 0 ? array.size() : begin - 1;
  }

  /// The end when no member is at fault.
  typename Json::iterator last_member_read(Json& object) {
    auto last = object.end();
    for (auto member = object.begin(); member != object.end(); ++member) {
      if (probes_left_ <= 0) return object.end();
      if (is_read(*member) && (last == object.end() || is_read_before(*last, *member))) last = member;
    }
    return last;
  }

  bool is_read(Json& node) { return probe(node, discarded_) != failure_; }

  /// With both replaced, the failure is that of the one which is read first.
  bool is_read_before(Json& node, Json& other) {
    std::string const alone = probe(node, discarded_);
    other.swap(binary_);
    std::string const both = probe(node, discarded_);
    other.swap(binary_);
    return both == alone;
  }

  std::string probe(Json& node, Json& replacement) {
    --probes_left_;
    node.swap(replacement);
    std::string failure = failure_of_(document_);
    node.swap(replacement);
    return failure;
  }

  Json& document_;
  std::string const failure_;
  std::string const missing_name_;
  FailureOf const failure_of_;
  int probes_left_;
  Json discarded_{Json::value_t::discarded};
  Json binary_ = Json::binary({});
};

/// The path and the reason of a conversion that failed with `failure`.
template <class Json>
std::string explain_json_fault(Json& document, std::string const& failure, std::size_t bytes,
                               typename JsonFault<Json>::FailureOf failure_of) {
  static constexpr std::size_t kMaxProbes = 1'000;
  static constexpr std::size_t kMaxProbedBytes = std::size_t{64} << 20;  // what a hostile payload can make us read
  auto const probes = std::clamp<std::size_t>(kMaxProbedBytes / (bytes + 1), 8, kMaxProbes);
  std::string const path = JsonFault<Json>(document, failure, failure_of, static_cast<int>(probes)).path();
  std::string const name = missing_json_name(failure);
  if (!name.empty()) return path + json_step(name) + " is missing";
  return (path.empty() ? "/" : path) + ": " + plain_json_error(failure);
}

}  // namespace fairlead::detail
