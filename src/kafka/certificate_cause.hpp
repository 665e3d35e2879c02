#pragma once

#include <fairlead/error.hpp>

#include <librdkafka/rdkafka.h>

namespace fairlead::kafka {

/// librdkafka tells that a broker's certificate was refused but not why: these handles keep the reason.
void remember_certificate_causes(rd_kafka_conf_t* conf);

/// Adds to an error of TLS why the last certificate of that client was refused, such as `certificate has expired`.
/// Thread-safe.
void add_certificate_cause(Error& error, rd_kafka_t const* client);

}  // namespace fairlead::kafka
