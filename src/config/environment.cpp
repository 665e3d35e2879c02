#include "config/node.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>

namespace fairlead {
namespace {

constexpr std::string_view kPrefix = "FAIRLEAD_";
constexpr std::string_view kLevel = "__";

void expand(Node& node, std::vector<Problem>& problems) {
  std::string expanded;
  std::string const& text = node.scalar;
  std::size_t at = 0;
  std::string used;
  for (;;) {
    std::size_t const begin = text.find("${", at);
    if (begin == std::string::npos) break;
    std::size_t const end = text.find('}', begin);
    if (end == std::string::npos) {
      problems.push_back({node.origin, "", "'${' without '}'"});
      node.kind = Node::Kind::kBroken;
      return;
    }
    expanded.append(text, at, begin - at);
    std::string name = text.substr(begin + 2, end - begin - 2);
    std::size_t const separator = name.find(":-");
    std::string const fallback = separator == std::string::npos ? "" : name.substr(separator + 2);
    bool const has_fallback = separator != std::string::npos;
    if (has_fallback) name.resize(separator);
    char const* const value = std::getenv(name.c_str());
    if (value != nullptr && (*value != '\0' || !has_fallback)) {
      expanded += value;
      used = name;
    } else if (has_fallback) {
      expanded += fallback;
    } else {
      problems.push_back(
          {node.origin, "",
           "the environment variable " + name + " is not set; ${" + name + ":-default} would give it a default"});
      node.kind = Node::Kind::kBroken;
    }
    at = end + 1;
  }
  if (at == 0) return;
  expanded.append(text, at);
  node.scalar = std::move(expanded);
  if (used.empty()) return;
  node.origin += " (" + used + ")";
  node.from_environment = true;
}

/// A key as it is written in an environment variable.
std::string variable_form(std::string_view key) {
  std::string form;
  for (char const c : key) {
    bool const plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    form.push_back(plain ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : '_');
  }
  return form;
}

Node& child(Node& parent, std::string_view segment, std::string const& origin) {
  if (parent.kind != Node::Kind::kMap) {
    parent = Node{};
    parent.kind = Node::Kind::kMap;
    parent.origin = origin;
  }
  for (auto& entry : parent.entries) {
    if (variable_form(entry.key) == variable_form(segment)) return entry.value;
  }
  std::string key(segment);
  std::transform(key.begin(), key.end(), key.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  parent.entries.push_back({key, Node{}});
  parent.entries.back().value.origin = origin;
  return parent.entries.back().value;
}

}  // namespace

Node const* Node::find(std::string_view key) const noexcept {
  for (auto const& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

void expand_environment(Node& root, std::vector<Problem>& problems) {
  if (root.kind == Node::Kind::kScalar && !root.from_environment) expand(root, problems);
  for (auto& item : root.items) expand_environment(item, problems);
  for (auto& entry : root.entries) {
    std::size_t const before = problems.size();
    expand_environment(entry.value, problems);
    for (std::size_t i = before; i < problems.size(); ++i) {
      problems[i].path = problems[i].path.empty() ? entry.key : entry.key + "." + problems[i].path;
    }
  }
}

void apply_overrides(Node& root) {
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    std::string_view const text = *variable;
    std::size_t const equals = text.find('=');
    if (text.substr(0, kPrefix.size()) != kPrefix || equals == std::string_view::npos) continue;
    std::string const name(text.substr(0, equals));
    std::string_view path = std::string_view(name).substr(kPrefix.size());
    bool const is_key = path == "BROKER" || path == "SERVICE" || path.find(kLevel) != std::string_view::npos;
    if (!is_key) continue;  // the tests' own variables, and other programs'
    Node* node = &root;
    for (;;) {
      std::size_t const separator = path.find(kLevel);
      node = &child(*node, path.substr(0, separator), name);
      if (separator == std::string_view::npos) break;
      path.remove_prefix(separator + kLevel.size());
    }
    *node = Node{};
    node->kind = Node::Kind::kScalar;
    node->scalar = text.substr(equals + 1);
    node->origin = name;
    node->from_environment = true;
  }
}

}  // namespace fairlead
