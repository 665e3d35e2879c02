#include "cli/command.hpp"
#include "observe/redact.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <string_view>

namespace fairlead::cli {
namespace {

constexpr std::string_view kDeadLetterSuffix = ".dlq";

void add_groups(DestinationConfig& destination, std::vector<std::string> const& groups) {
  for (auto const& group : groups) {
    auto& known = destination.groups;
    if (std::find(known.begin(), known.end(), group) == known.end()) known.push_back(group);
  }
}

/// `orders.billing.dlq` stands for the destination `orders` with the group `billing`.
void add_destination(Config& config, Target const& target) {
  std::string_view name = target.destination;
  std::vector<std::string> groups = target.groups;
  if (name.ends_with(kDeadLetterSuffix)) {
    name.remove_suffix(kDeadLetterSuffix.size());
    auto const dot = name.rfind('.');
    if (dot == std::string_view::npos) return;
    groups = {std::string(name.substr(dot + 1))};
    name = name.substr(0, dot);
  }
  auto& destination = config.destinations[std::string(name)];
  destination.partitions = std::max(target.partitions, 1);
  add_groups(destination, groups);
}

/// Only the log of a file stays as configured: standard error belongs to the command.
void quieten(LogConfig& log, bool verbose) {
  if (!log.file.empty()) return;
  log.level = verbose ? LogLevel::kDebug : LogLevel::kError;
  log.loggers.clear();
}

}  // namespace

Result<Config> make_config(Target const& target) {
  Config config;
  if (target.config_file.empty()) {
    config.broker = target.url;
    config.service = "fairlead-cli";
    add_destination(config, target);
  } else {
    auto loaded = load_config(target.config_file);
    if (!loaded) return loaded;
    config = *std::move(loaded);
    // A name that is not there is left to the library, which knows the nearest one.
    auto const configured = config.destinations.find(target.destination);
    if (configured != config.destinations.end()) {
      if (target.partitions > 0) configured->second.partitions = target.partitions;
      add_groups(configured->second, target.groups);
    }
  }
  quieten(config.log, target.verbose);
  return config;
}

int report(Error const& error) {
  std::cerr << "fairlead: " + redact(error.message) + "\n";
  switch (error.code) {
    case Errc::kInvalidConfig:
    case Errc::kInvalidArgument:
    case Errc::kUnknownDestination:
    case Errc::kUnsupported: return kUsage;
    default: return kFailed;
  }
}

std::optional<std::chrono::milliseconds> parse_time(std::string const& text) {
  static constexpr std::int64_t kMax = 1'000'000'000;  // far from overflow in any unit
  std::int64_t value = 0;
  auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || value < 0 || value > kMax) return std::nullopt;
  std::string_view const unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit == "ms") return std::chrono::milliseconds(value);
  if (unit == "s") return std::chrono::seconds(value);
  if (unit == "m") return std::chrono::minutes(value);
  if (unit == "h") return std::chrono::hours(value);
  if (unit == "d") return std::chrono::hours(24 * value);
  return std::nullopt;
}

}  // namespace fairlead::cli
