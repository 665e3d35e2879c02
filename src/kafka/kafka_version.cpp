#include <fairlead/version.hpp>

#include <librdkafka/rdkafka.h>

namespace fairlead {

std::string_view kafka_client_version() noexcept { return rd_kafka_version_str(); }

}  // namespace fairlead
