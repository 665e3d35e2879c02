#pragma once

#include <fairlead/detail/json_text.hpp>

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::detail {

/// Receives what nlohmann's parser reads and builds the document, refusing what is nested too deeply (the library
/// copies and prints by recursion) or says a member twice. Single-owner.
template <class Json>
class JsonBuilder {
 public:
  JsonBuilder(Json& root, std::size_t max_depth) : root_(root), max_depth_(max_depth) {}

  // What Json::sax_parse calls; false stops it.
  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(typename Json::number_integer_t value) { return add(value); }
  bool number_unsigned(typename Json::number_unsigned_t value) { return add(value); }
  bool number_float(typename Json::number_float_t value, std::string const& /*text*/) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(typename Json::binary_t& /*value*/) { return refuse("binary value"); }
  bool start_object(std::size_t /*size*/) { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    auto const [member, is_new] = open_.back()->emplace(name, nullptr);
    member_ = &*member;
    return is_new || refuse(json_step(name) + " is there twice in one object");
  }
  bool parse_error(std::size_t /*position*/, std::string const& /*token*/, std::exception const& problem) {
    return refuse(plain_json_error(problem.what()));
  }

  [[nodiscard]] std::string const& fault() const noexcept { return fault_; }

 private:
  bool refuse(std::string fault) {
    fault_ = std::move(fault);
    return false;
  }
  template <class Value>
  Json& place(Value&& value) {
    if (open_.empty()) return root_ = Json(std::forward<Value>(value));
    if (open_.back()->is_array()) return open_.back()->emplace_back(std::forward<Value>(value));
    return *member_ = Json(std::forward<Value>(value));
  }
  template <class Value>
  bool add(Value&& value) {
    place(std::forward<Value>(value));
    return true;
  }
  bool open(Json container) {
    if (open_.size() == max_depth_) return refuse("nested deeper than " + std::to_string(max_depth_) + " levels");
    open_.push_back(&place(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  Json& root_;
  std::size_t const max_depth_;
  std::vector<Json*> open_;  // from the root to the innermost container; only the innermost one grows
  Json* member_ = nullptr;   // of the innermost object, waiting for its value
  std::string fault_;
};

/// Parses into `document`; why it cannot be done, or empty.
template <class Json>
std::string parse_json(std::string_view text, std::size_t max_depth, Json& document) {
  JsonBuilder<Json> builder(document, max_depth);
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return {};
  return builder.fault();
}

}  // namespace fairlead::detail
