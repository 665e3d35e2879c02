#pragma once

#include "consume/intake.hpp"

#include <cstddef>
#include <memory>
#include <utility>

namespace fairlead::kafka {

struct Discard {
  Intake* intake = nullptr;
  void operator()(Inbound* message) const noexcept { intake->discard(*message); }
};
/// A node that goes back to the Intake, with the message in it, unless it is delivered.
using NodePtr = std::unique_ptr<Inbound, Discard>;

/// Nodes on their way to the Intake; those that are not delivered go back to it, whatever happens in between.
class Handover {
 public:
  explicit Handover(Intake& intake) noexcept : intake_(intake) {}
  ~Handover() {
    while (auto* const node = nodes_.pop()) intake_.discard(*node);
  }
  Handover(Handover const&) = delete;
  Handover& operator=(Handover const&) = delete;

  Inbound& new_node() {
    auto& node = intake_.acquire();
    nodes_.push(node);
    return node;
  }
  void add(NodePtr node) noexcept { nodes_.push(*node.release()); }
  [[nodiscard]] std::size_t size() const noexcept { return nodes_.size; }
  void deliver() {
    if (nodes_.size > 0) intake_.deliver(std::exchange(nodes_, {}));
  }

 private:
  Intake& intake_;
  InboundList nodes_;
};

}  // namespace fairlead::kafka
