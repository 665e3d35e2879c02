#pragma once

#include <fairlead/error.hpp>

#include <librdkafka/rdkafka.h>

#include <string_view>

namespace fairlead::kafka {

/// The one place where librdkafka's codes become Errors. `what` says what was tried; `detail` is librdkafka's own text,
/// used instead of the code's description and redacted. `maybe_applied` is what the code alone implies: a delivery
/// report knows better.
[[nodiscard]] Error to_error(rd_kafka_resp_err_t code, std::string_view what, std::string_view detail = {});

}  // namespace fairlead::kafka
