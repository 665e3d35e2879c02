#pragma once

#include "consume/inbound.hpp"

#include <cstddef>
#include <deque>

namespace fairlead {

/// Owns the nodes of a subscription. As many as were ever in use at once, bounded by what the intake lets in.
/// Thread-compatible.
class MessagePool {
 public:
  /// Clear nodes; at least one.
  [[nodiscard]] InboundList take_all() {
    if (free_.first == nullptr) {
      for (int made = 0; made < kGrowth; ++made) free_.push(storage_.emplace_back());
    }
    return std::exchange(free_, {});
  }
  /// Takes cleared nodes back.
  void put(InboundList& cleared) noexcept { free_.splice(cleared); }

 private:
  static constexpr int kGrowth = 16;
  std::deque<Inbound> storage_;
  InboundList free_;
};

}  // namespace fairlead
