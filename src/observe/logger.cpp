#include <fairlead/logger.hpp>

namespace fairlead {

Logger::~Logger() = default;

}  // namespace fairlead
