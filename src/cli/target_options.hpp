#pragma once

#include "cli/command.hpp"

#include <CLI/CLI.hpp>

namespace fairlead::cli {

/// `--url` or `--config`, DESTINATION and `--verbose`.
void add_target(CLI::App& command, Target& target);

}  // namespace fairlead::cli
