#pragma once

#include "cli/dlq.hpp"

#include <CLI/CLI.hpp>

namespace fairlead::cli {

/// Adds `dlq` with its subcommands. What the command line said is in `command` after parsing.
CLI::App* add_dlq(CLI::App& app, DlqCommand& command);

}  // namespace fairlead::cli
