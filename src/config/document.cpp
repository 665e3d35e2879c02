#include "config/node.hpp"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <optional>

namespace fairlead {
namespace {

constexpr int kMaxDepth = 32;
// Aliases expand: a small file can mean a huge tree.
constexpr int kMaxNodes = 100'000;
constexpr std::size_t kMaxExpandedBytes = 4 * kMaxDocumentBytes;

class Converter {
 public:
  explicit Converter(std::string const& name) : name_(name) {}

  Node convert(YAML::Node const& from, int depth = 0) {
    Node node;
    node.origin = name_ + ":" + std::to_string(from.Mark().line + 1);
    if (from.IsScalar()) bytes_ += from.Scalar().size();
    if (depth > kMaxDepth || ++nodes_ > kMaxNodes || bytes_ > kMaxExpandedBytes) {
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
        if (entry.first.IsScalar()) bytes_ += entry.first.Scalar().size();
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
  std::size_t bytes_ = 0;
  bool too_big_ = false;
};

}  // namespace

Result<Node> parse_document(std::string_view text, std::string const& name) {
  auto const invalid = [&](std::string what) { return Error{Errc::kInvalidConfig, std::move(what)}; };
  if (text.size() > kMaxDocumentBytes) return invalid(name + ": larger than 1 MiB");
  try {
    auto const documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1) {
      return invalid(name + ":" + std::to_string(documents[1].Mark().line + 1) + ": a second document begins here");
    }
    Converter converter(name);
    Node root = converter.convert(documents.empty() ? YAML::Node() : documents[0]);
    if (converter.is_too_big()) return invalid(name + ": nested too deeply, or too many values");
    return root;
  } catch (YAML::DeepRecursion const&) {
    return invalid(name + ": nested too deeply");
  } catch (YAML::Exception const& problem) {
    // Only the position and the parser's own words, which end at a colon: what follows it may be of a password.
    return invalid(name + ":" + std::to_string(problem.mark.line + 1) + ": " +
                   problem.msg.substr(0, problem.msg.find(':')));
  }
}

}  // namespace fairlead
