#pragma once

#include "config/reader.hpp"

#include <fairlead/config.hpp>

namespace fairlead {

/// A configuration and where its values came from.
struct LoadedConfig {
  Config config;
  Origins origins;
};

[[nodiscard]] Result<LoadedConfig> load_with_origins(std::string_view text, std::string const& name);
[[nodiscard]] Result<std::string> read_config_file(std::string const& path);

}  // namespace fairlead
