#pragma once

#include <cstddef>
#include <string_view>

namespace fairlead {

enum class Support {
  kNative,      ///< the broker does it
  kEmulated,    ///< Fairlead does it on top; `reason` says how
  kImpossible,  ///< refused with the reason
};

struct Capability {
  Support support = Support::kNative;
  std::string_view reason{};
  explicit operator bool() const noexcept { return support != Support::kImpossible; }
};

/// What the broker behind an open `Broker` can do. Nothing is ignored silently: what is impossible is refused when it
/// is asked for.
struct Capabilities {
  std::string_view system;  ///< `kafka`, `rabbitmq`, `memory`
  Capability key_order;
  Capability spread_by_partition;  ///< with key order, the members of a group handle different partitions at once
  Capability priority;
  Capability time_to_live;
  Capability routing_patterns;        ///< groups that see only some routing keys
  Capability kept_without_group;      ///< what is published before any group exists is kept for later groups
  Capability unroutable_detection;    ///< a publish that no group would see is reported as `kUnroutable`
  Capability replay;                  ///< a new group can start from `earliest` after others have read
  Capability receipts_with_position;  ///< `Receipt::partition` and `position` are set
  Capability authentication;          ///< a wrong password is refused
  Capability survives_process_exit;   ///< messages outlive the process that published them
  std::size_t default_window_messages = 0;
};

}  // namespace fairlead
