#pragma once

#include <fairlead/config.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::cli {

/// Exit codes that scripts depend on.
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

/// The configuration of the file, or one made from the URL, with the destination and its groups in it.
[[nodiscard]] Result<Config> make_config(Target const& target);

/// Prints the error on standard error and gives the exit code for it.
int report(Error const& error);

/// `200ms`, `5s`, `1m`; a number alone is refused.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_time(std::string const& text);

struct PublishCommand {
  Target target;
  std::string key;
  std::vector<std::string> headers;  // N=V
  bool json = false;
};

struct ConsumeCommand {
  Target target;
  std::string group;
  std::string from = "earliest";
  long count = 0;  // 0: no end
  std::string idle_exit;
  bool json = false;
  int concurrency = 1;
};

int run_declare(Target const& target);
int run_publish(PublishCommand const& command);
int run_consume(ConsumeCommand const& command);
int run_config_check(std::string const& file);

}  // namespace fairlead::cli
