#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace fairlead::test {

/// Empty when it is not set.
[[nodiscard]] inline std::string environment(char const* name) {
  char const* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// What a test cannot do without.
struct Missing {
  std::string what;
  bool is_excused = false;  ///< it cannot be had from the broker that was chosen
};

/// Skips the test and says why; fails it instead when FAIRLEAD_REQUIRE_BROKERS=1 and there is no excuse. The caller
/// returns then.
inline void miss(Missing const& missing) {
  if (environment("FAIRLEAD_REQUIRE_BROKERS") == "1" && !missing.is_excused)
    FAIL() << missing.what << ", and is required";
  GTEST_SKIP() << missing.what;
}

}  // namespace fairlead::test
