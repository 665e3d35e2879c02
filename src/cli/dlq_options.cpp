#include "cli/dlq_options.hpp"

#include "cli/target_options.hpp"

namespace fairlead::cli {
namespace {

using Action = DlqCommand::Action;

CLI::App* add_action(CLI::App& dlq, char const* name, char const* what, DlqCommand& command, Action action) {
  auto* const sub = dlq.add_subcommand(name, what);
  add_target(*sub, command.target);
  sub->add_option("--group", command.group, "The group that gave the messages up")->required();
  sub->add_option("--partitions", command.target.partitions, "How many partitions the destination has")
      ->check(CLI::Range(1, 1024));
  sub->add_option("--idle-exit", command.idle_exit, "End after this long without a dead letter, default 2s");
  sub->parse_complete_callback([&command, action] { command.action = action; });
  return sub;
}

void add_choice(CLI::App& sub, DlqCommand& command) {
  auto& choice = command.choice;
  sub.add_option("--error-code", choice.error_code, "Only those that failed with this code");
  sub.add_option("--older-than", choice.older_than, "Only those that failed longer ago than this, such as 2h");
  sub.add_option("--newer-than", choice.newer_than, "Only those that failed less long ago than this");
  sub.add_option("--key", choice.key, "Only those with this key");
  sub.add_option("--header", choice.headers, "Only those with this header NAME=VALUE; may be repeated")
      ->allow_extra_args(false);
  sub.add_option("--id", choice.id, "Only the one with this id");
  sub.add_option("--max", command.max, "End after this many")->check(CLI::PositiveNumber);
}

void add_clearing(CLI::App& sub, DlqCommand& command) {
  sub.add_flag("--dry-run", command.dry_run, "Only print which ones");
  sub.add_option("--rate", command.rate, "At most so many, such as 100/s");
  sub.add_flag("--json", command.json, "With --dry-run: one JSON object a line");
}

}  // namespace

CLI::App* add_dlq(CLI::App& app, DlqCommand& command) {
  auto* const dlq = app.add_subcommand("dlq", "Work with the dead letters of a group");
  dlq->require_subcommand(1);
  dlq->footer(
      "Examples:\n  fairlead dlq list --url amqp://guest:guest@127.0.0.1/ orders --group billing --newer-than 2h\n"
      "  fairlead dlq redrive --config orders.yaml orders --group billing --error-code handler_failed --rate 100/s\n");

  auto* const list = add_action(*dlq, "list", "Print the dead letters; they stay", command, Action::kList);
  add_choice(*list, command);
  list->add_flag("--json", command.json, "One JSON object a line, as of `consume --json`");
  list->footer("Example:\n  fairlead dlq list --url kafka://127.0.0.1:9092 orders --group billing --key ann\n");

  auto* const show = add_action(*dlq, "show", "Print all of one dead letter; it stays", command, Action::kShow);
  show->add_option("ID", command.choice.id, "Its message id")->required();
  show->add_flag("--json", command.json, "As one JSON object");
  show->footer("Example:\n  fairlead dlq show --config orders.yaml orders 0198c6a2-... --group billing\n");

  auto* const redrive = add_action(*dlq, "redrive", "Give dead letters to their group once more, from attempt 1",
                                   command, Action::kRedrive);
  add_choice(*redrive, command);
  add_clearing(*redrive, command);
  redrive->footer(
      "Example:\n  fairlead dlq redrive --config orders.yaml orders --group billing --older-than 1h --dry-run\n"
      "Each is settled after its new publish was confirmed. Those that are not meant are put back at the end; those\n"
      "that fail again meanwhile are left for the next run. Ends with `redriven N put back N failed N`. It may be\n"
      "killed and run again: what was not confirmed yet then comes twice, with the same id.\n");

  auto* const purge = add_action(*dlq, "purge", "Delete dead letters for good", command, Action::kPurge);
  add_choice(*purge, command);
  add_clearing(*purge, command);
  purge->add_flag("--yes", command.yes, "Really");
  purge->footer(
      "Example:\n  fairlead dlq purge --config orders.yaml orders --group billing --older-than 30d --yes\n"
      "Those that are not meant are put back at the end. Ends with `purged N put back N failed N`.\n");
  return dlq;
}

}  // namespace fairlead::cli
