#pragma once

#include <fairlead/config.hpp>

#include <chrono>
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
  std::vector<std::chrono::milliseconds> tiers;  ///< of delayed retries, the shortest first
};

/// What has to exist for one destination: computed from the configuration, executed by the backend's do_declare and
/// printed by `fairlead config check`.
struct DestinationPlan {
  enum class Kind {
    kDestination,  ///< topic / exchange with group queues / log
    kDeadLetter,   ///< `<destination>.<group>.dlq`: topic / one queue without an exchange of its own / log
    kRetry,        ///< `<destination>.<group>.retry.<tier>`: topic / queue with a TTL / log; back to that group only.
                   ///< Without a tier it is no place of its own: published to, the group gets the message at once
  };
  std::string name;
  Kind kind = Kind::kDestination;
  DestinationConfig config;
  std::vector<GroupPlan> groups;
  // Of a kRetry: whose it is (`groups` has that group) and how long a message waits in it; zero without a tier.
  std::string destination;
  std::chrono::milliseconds delay{0};
};

/// The plan of a destination named in the configuration, with the groups listed there and those of the subscriptions.
/// `<destination>.<group>.dlq` of a configured pair gives the plan of that dead letter, `.retry` and `.retry.<tier>`
/// those of its retries.
/// Unknown names answer kUnknownDestination with the nearest configured name.
[[nodiscard]] Result<DestinationPlan> plan_destination(Config const& config, std::string_view name);

/// A retry without a tier: no place of its own.
[[nodiscard]] inline bool is_retry_at_once(DestinationPlan const& plan) noexcept {
  return plan.kind == DestinationPlan::Kind::kRetry && plan.delay.count() == 0;
}

/// `<destination>.<group>.dlq`
[[nodiscard]] FAIRLEAD_EXPORT std::string dead_letter_name(std::string_view destination, std::string_view group);

/// `<destination>.<group>.retry.10s`; without the last part for a delay of zero.
[[nodiscard]] FAIRLEAD_EXPORT std::string retry_name(std::string_view destination, std::string_view group,
                                                     std::chrono::milliseconds delay);

/// The plans of a group's delayed retries, the shortest first. `destination` is of kind kDestination.
[[nodiscard]] std::vector<DestinationPlan> plan_retries(DestinationPlan const& destination, GroupPlan const& group);

}  // namespace fairlead
