#pragma once

#include <fairlead/config.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::cli {

// Exit codes; scripts depend on them.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;  ///< the broker, or some message, said no
inline constexpr int kUsage = 2;   ///< the command line or the configuration is wrong

/// What every command that talks to a broker takes.
struct Target {
  std::string url;
  std::string config_file;
  std::string destination;
  std::vector<std::string> groups;
  int partitions = 0;  ///< 0: as configured, else 1
  bool verbose = false;
};

struct PublishCommand {
  Target target;
  std::string key;
  std::vector<std::string> headers;  ///< NAME=VALUE
  bool json = false;
};

struct ConsumeCommand {
  Target target;
  std::string group;
  std::optional<std::string> from;  ///< not given: as configured, else earliest
  long count = 0;                   ///< 0: no end
  std::string idle_exit;
  bool json = false;
  std::optional<int> concurrency;  ///< not given: as configured, else 1
};

// One command each, in a file of its name; they return an exit code.
int run_declare(Target const& target);
int run_publish(PublishCommand const& command);
int run_consume(ConsumeCommand const& command);
int run_config_check(std::string const& file);

/// The configuration of the file, or one made from the URL, with the destination and its groups in it.
[[nodiscard]] Result<Config> make_config(Target const& target);

/// Prints the error on standard error, without secrets, and gives the exit code for it.
int report(Error const& error);

/// `200ms`, `5s`, `1m`, `1h`, `7d`; a number alone is refused.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_time(std::string const& text);

}  // namespace fairlead::cli
