#pragma once

#include "cli/command.hpp"
#include "cli/dlq_filter.hpp"

#include <string>

namespace fairlead::cli {

/// `fairlead dlq ...`: what to do with the dead letters of one group.
struct DlqCommand {
  enum class Action { kList, kShow, kRedrive, kPurge };
  Action action = Action::kList;
  Target target;
  std::string group;
  DeadLetterChoice choice;
  bool dry_run = false;
  bool yes = false;
  std::string rate;
  long max = 0;  ///< 0: no end
  std::string idle_exit = "2s";
  bool json = false;

  /// Prints and settles nothing.
  [[nodiscard]] bool looks_only() const noexcept {
    return action == Action::kList || action == Action::kShow || dry_run;
  }
};

int run_dlq(DlqCommand const& command);

}  // namespace fairlead::cli
