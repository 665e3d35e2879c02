#pragma once

#include <fairlead/result.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

/// A configuration document as a tree that remembers where each part came from. No third-party type in it.
struct Node {
  enum class Kind {
    kNull,
    kScalar,
    kSequence,
    kMap,
    kBroken,  // a value whose problem was reported already
  };
  struct Entry;

  Kind kind = Kind::kNull;
  std::string scalar;
  std::vector<Node> items;
  std::vector<Entry> entries;
  std::string origin;             // `orders.yaml:3`, or the name of an environment variable
  bool from_environment = false;  // may be a secret that was put in the wrong place

  [[nodiscard]] Node const* find(std::string_view key) const noexcept;
};

struct Node::Entry {
  std::string key;
  Node value;
};

/// What is wrong with a configuration, and where.
struct Problem {
  std::string origin;  // empty when the configuration was built in code
  std::string path;    // `subscriptions.billing.timeout`
  std::string text;
};

inline constexpr std::size_t kMaxDocumentBytes = std::size_t{1} << 20;

/// Parses YAML, of which JSON is a part. Bounded in size, depth and number of nodes. The error names the line.
[[nodiscard]] Result<Node> parse_document(std::string_view text, std::string const& name);

/// Replaces `${NAME}` and `${NAME:-default}` in all scalars of the document; what came from a variable is left alone.
void expand_environment(Node& root, std::vector<Problem>& problems);

/// Applies `FAIRLEAD_BROKER`, `FAIRLEAD_SERVICE` and every `FAIRLEAD_` variable with `__` in its name, which stands for
/// the dot of the key.
void apply_overrides(Node& root);

}  // namespace fairlead
