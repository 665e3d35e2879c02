#include "cli/command.hpp"
#include "cli/dlq_options.hpp"
#include "cli/target_options.hpp"
#include "observe/redact.hpp"

#include <fairlead/version.hpp>

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <sstream>

namespace {

using namespace fairlead;

std::string versions() {
  return "fairlead " + std::string(version()) + "\nlibrdkafka " + std::string(kafka_client_version()) +
         "\nrabbitmq-c " + std::string(amqp_client_version());
}

int run(int argc, char** argv) {
  CLI::App app("Publishes to and consumes from Kafka, RabbitMQ and the in-process broker.", "fairlead");
  app.set_version_flag("--version", versions());
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 all went well, 1 the broker or a message said no, 2 the command line or the configuration is "
      "wrong.\nExamples:\n  fairlead declare --url amqp://guest:guest@127.0.0.1/ orders --group billing\n"
      "  seq 10 | fairlead publish --url amqp://guest:guest@127.0.0.1/ orders\n"
      "  fairlead consume --url amqp://guest:guest@127.0.0.1/ orders --group billing --count 10\n"
      "  fairlead dlq redrive --url amqp://guest:guest@127.0.0.1/ orders --group billing\n"
      "`fairlead COMMAND --help` has more.\n");

  cli::Target declare_target;
  auto* declare = app.add_subcommand("declare", "Create what is missing of a destination and its groups");
  cli::add_target(*declare, declare_target);
  declare->add_option("--group", declare_target.groups, "A group to declare; may be repeated")->allow_extra_args(false);
  declare->add_option("--partitions", declare_target.partitions, "How many partitions")->check(CLI::Range(1, 1024));
  declare->footer(
      "Example:\n  fairlead declare --url amqp://guest:guest@127.0.0.1/ orders --group billing --partitions 6\n");

  cli::PublishCommand publish_command;
  auto* publish = app.add_subcommand("publish", "Publish each line of standard input");
  cli::add_target(*publish, publish_command.target);
  publish->add_option("--key", publish_command.key, "Key of every message");
  publish->add_option("--header", publish_command.headers, "Header NAME=VALUE of every message; may be repeated")
      ->allow_extra_args(false);
  publish->add_option("--partitions", publish_command.target.partitions, "How many partitions the destination has")
      ->check(CLI::Range(1, 1024));
  publish->add_option("--group", publish_command.target.groups, "A group to declare first; may be repeated")
      ->allow_extra_args(false);
  publish->add_flag("--json", publish_command.json,
                    "Each line is {\"key\",\"headers\":{},\"payload\",\"id\",\"routing_key\"}");
  publish->footer(
      "Examples:\n  seq 10 | fairlead publish --url kafka://127.0.0.1:9092 numbers --key k\n"
      "  echo '{\"key\":\"ann\",\"payload\":\"hi\"}' | fairlead publish --config orders.yaml orders --json\n"
      "Ends with `published N confirmed N failed N` on standard error; exit code 1 when any message was not "
      "confirmed.\n");

  cli::ConsumeCommand consume_command;
  auto* consume = app.add_subcommand("consume", "Print the messages of a group");
  cli::add_target(*consume, consume_command.target);
  consume->add_option("--group", consume_command.group, "The group to consume as")->required();
  consume->add_option("--partitions", consume_command.target.partitions, "How many partitions the destination has")
      ->check(CLI::Range(1, 1024));
  consume->add_option("--from", consume_command.from, "Where a new group starts")
      ->check(CLI::IsMember({"earliest", "latest"}));
  consume->add_option("--count", consume_command.count, "End after this many messages")->check(CLI::PositiveNumber);
  consume->add_option("--idle-exit", consume_command.idle_exit, "End after this long without a message, such as 5s");
  consume->add_option("--concurrency", consume_command.concurrency, "Worker threads")->check(CLI::Range(1, 1024));
  consume->add_flag("--json", consume_command.json, "One JSON object a line");
  consume->footer(
      "Examples:\n  fairlead consume --url kafka://127.0.0.1:9092 numbers --group g --count 10\n"
      "  fairlead consume --config orders.yaml orders --group billing --idle-exit 5s --json\n"
      "A message is settled after its line was written. SIGINT and SIGTERM end it by draining.\n");

  cli::DlqCommand dlq_command;
  auto const* const dlq = cli::add_dlq(app, dlq_command);

  std::string checked_file;
  auto* config = app.add_subcommand("config", "Look at configurations");
  config->require_subcommand(1);
  auto* check = config->add_subcommand("check", "Print the effective configuration and what it becomes on its broker");
  check->add_option("FILE", checked_file, "Configuration file (YAML or JSON)")->required();
  check->footer("Example:\n  fairlead config check orders.yaml\n");

  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& problem) {
    // What CLI11 prints may repeat a URL that stood in the wrong place.
    std::ostringstream errors;
    bool const is_help = app.exit(problem, std::cout, errors) == 0;
    std::cerr << redact(errors.str());
    return is_help ? cli::kOk : cli::kUsage;
  }
  if (*declare) return cli::run_declare(declare_target);
  if (*publish) return cli::run_publish(publish_command);
  if (*consume) return cli::run_consume(consume_command);
  if (*dlq) return cli::run_dlq(dlq_command);
  return cli::run_config_check(checked_file);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::ios::sync_with_stdio(false);  // standard input may be millions of lines
    return run(argc, argv);
  } catch (std::exception const& problem) {
    std::cerr << "fairlead: " << redact(problem.what()) << '\n';
    return cli::kFailed;
  }
}
