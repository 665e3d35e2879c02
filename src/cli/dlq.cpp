#include "cli/dlq.hpp"

#include "cli/dlq_actions.hpp"
#include "cli/dlq_reading.hpp"

#include <csignal>

namespace fairlead::cli {

int run_dlq(DlqCommand const& command) {
  if (command.action == DlqCommand::Action::kPurge && !command.dry_run && !command.yes) {
    return report(
        {Errc::kInvalidArgument, "purge deletes for good: say --yes, or --dry-run to see what it would delete"});
  }
  auto const idle = parse_time(command.idle_exit);
  if (!idle) return report({Errc::kInvalidArgument, "--idle-exit takes a time such as 500ms, 5s or 1m"});
  auto const filter = DeadLetterFilter::make(command.choice, std::chrono::system_clock::now());
  if (!filter) return report(filter.error());
  auto config = configure_reading(command);
  if (!config) return report(config.error());

  StopSignal const signal;
  std::signal(SIGPIPE, SIG_IGN);  // a closed standard output is seen by fwrite
  auto broker = Broker::open(*std::move(config));
  if (!broker) return report(broker.error());
  int const code = command.looks_only() ? look_at_dead_letters(**broker, signal, command, *filter, *idle)
                                        : clear_dead_letters(**broker, signal, command, *filter, *idle);
  auto const closed = (*broker)->close(std::chrono::seconds(10));
  return closed || code != kOk ? code : report(closed.error());
}

}  // namespace fairlead::cli
