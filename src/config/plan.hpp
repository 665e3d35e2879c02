#pragma once

#include <fairlead/config.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace fairlead {

/// What has to exist for one group of a destination.
struct GroupPlan {
  std::string name;
  Ordering ordering = Ordering::kKey;  ///< AMQP: anything but kNone makes the group's queues single-active-consumer
  std::vector<std::string> bindings;   ///< AMQP routing patterns; empty: everything
  bool dead_letter = true;
};

/// What has to exist for one destination: computed from the configuration, executed by the backend's do_declare and
/// printed by `fairlead config check`.
struct DestinationPlan {
  enum class Kind {
    kDestination,  ///< topic / exchange with group queues / log
    kDeadLetter,   ///< `<destination>.<group>.dlq`: topic / one queue without an exchange of its own / log
  };
  std::string name;
  Kind kind = Kind::kDestination;
  DestinationConfig config;
  std::vector<GroupPlan> groups;
};

/// The plan of a destination named in the configuration, with the groups listed there and those of the subscriptions.
/// `<destination>.<group>.dlq` of a configured pair gives the plan of that dead letter.
/// Unknown names answer kUnknownDestination with the nearest configured name.
[[nodiscard]] Result<DestinationPlan> plan_destination(Config const& config, std::string_view name);

/// `<destination>.<group>.dlq`
[[nodiscard]] std::string dead_letter_name(std::string_view destination, std::string_view group);

}  // namespace fairlead
