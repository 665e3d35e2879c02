#pragma once

#include <fairlead/logger.hpp>

namespace fairlead::kafka {

/// Hands one line of librdkafka's log to the logger `kafka`, redacted. `severity` is syslog's.
void write_log(Logger& logger, int severity, char const* facility, char const* text);

}  // namespace fairlead::kafka
