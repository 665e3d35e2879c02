#include "amqp/codec.hpp"

#include <fairlead/version.hpp>

namespace fairlead {

std::string_view amqp_client_version() noexcept { return amqp_version(); }

}  // namespace fairlead
