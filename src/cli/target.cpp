#include "cli/command.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <string_view>

namespace fairlead::cli {
namespace {

constexpr std::string_view kDeadLetterSuffix = ".dlq";

/// Puts the destination into the configuration; `orders.billing.dlq` brings in `orders` with the group `billing`.
void add_destination(Config& config, Target const& target) {
  std::string name = target.destination;
  std::vector<std::string> groups = target.groups;
  if (name.ends_with(kDeadLetterSuffix)) {
    name.resize(name.size() - kDeadLetterSuffix.size());
    auto const dot = name.rfind('.');
    if (dot == std::string::npos) return;
    groups = {name.substr(dot + 1)};
    name.resize(dot);
  }
  auto& destination = config.destinations[name];
  if (target.partitions > 0) destination.partitions = target.partitions;
  for (auto const& group : groups) {
    if (std::find(destination.groups.begin(), destination.groups.end(), group) == destination.groups.end()) {
      destination.groups.push_back(group);
    }
  }
}

}  // namespace

Result<Config> make_config(Target const& target) {
  Config config;
  if (!target.config_file.empty()) {
    auto loaded = load_config(target.config_file);
    if (!loaded) return loaded;
    config = *std::move(loaded);
    if (target.partitions > 0 || !target.groups.empty()) add_destination(config, target);
  } else {
    config.broker = target.url;
    config.service = "fairlead-cli";
    add_destination(config, target);
  }
  config.log.level = target.verbose ? LogLevel::kDebug : LogLevel::kError;
  return config;
}

int report(Error const& error) {
  std::cerr << "fairlead: " << error.message << '\n';
  switch (error.code) {
    case Errc::kInvalidConfig:
    case Errc::kInvalidArgument:
    case Errc::kUnsupported: return kUsage;
    default: return kFailed;
  }
}

std::optional<std::chrono::milliseconds> parse_time(std::string const& text) {
  long value = 0;
  auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || value < 0) return std::nullopt;
  std::string_view const unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit == "ms") return std::chrono::milliseconds(value);
  if (unit == "s") return std::chrono::seconds(value);
  if (unit == "m") return std::chrono::minutes(value);
  return std::nullopt;
}

}  // namespace fairlead::cli
