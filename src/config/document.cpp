#include "config/node.hpp"

#include <yaml-cpp/yaml.h>

#include <optional>

namespace fairlead {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr int kMaxDepth = 32;
constexpr int kMaxNodes = 100'000;  // aliases expand: a small file can mean a huge tree

class Converter {
 public:
  explicit Converter(std::string const& name) : name_(name) {}

  Node convert(YAML::Node const& from, int depth = 0) {
    Node node;
    node.origin = name_ + ":" + std::to_string(from.Mark().line + 1);
    if (depth > kMaxDepth || ++nodes_ > kMaxNodes) {
      too_big_ = true;
      return node;
    }
    if (from.IsScalar()) {
      node.kind = Node::Kind::kScalar;
      node.scalar = from.Scalar();
    } else if (from.IsSequence()) {
      node.kind = Node::Kind::kSequence;
      for (auto const& item : from) {
        if (!too_big_) node.items.push_back(convert(item, depth + 1));
      }
    } else if (from.IsMap()) {
      node.kind = Node::Kind::kMap;
      for (auto const& entry : from) {
        if (too_big_) break;
        Node value = convert(entry.second, depth + 1);
        value.origin = name_ + ":" + std::to_string(entry.first.Mark().line + 1);
        node.entries.push_back({entry.first.IsScalar() ? entry.first.Scalar() : "?", std::move(value)});
      }
    }
    return node;
  }
  [[nodiscard]] bool is_too_big() const noexcept { return too_big_; }

 private:
  std::string const& name_;
  int nodes_ = 0;
  bool too_big_ = false;
};

}  // namespace

Result<Node> parse_document(std::string_view text, std::string const& name) {
  auto const invalid = [&](std::string what) { return Error{Errc::kInvalidConfig, std::move(what)}; };
  if (text.size() > kMaxBytes) return invalid(name + ": larger than 1 MiB");
  try {
    Converter converter(name);
    Node root = converter.convert(YAML::Load(std::string(text)));
    if (converter.is_too_big()) return invalid(name + ": nested too deeply, or too many values");
    return root;
  } catch (YAML::Exception const& problem) {
    // Only the position and the parser's own words: the text around it may hold a password.
    return invalid(name + ":" + std::to_string(problem.mark.line + 1) + ": " + problem.msg);
  }
}

}  // namespace fairlead
