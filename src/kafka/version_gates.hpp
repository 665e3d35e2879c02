#pragma once

#include "kafka/handles.hpp"

#include <fairlead/error.hpp>

#include <string>
#include <string_view>

namespace fairlead::kafka {

/// What librdkafka does right since a version of it; 2.0.2 is the oldest that is built for.
enum class Since {
  kSeekInMilliseconds,  ///< rd_kafka_seek_partitions waits for that long: it took them for microseconds
  kFetchQueueBackoff,   ///< `fetch.queue.backoff.ms`: without it a full queue stops fetching for a second
  kLongClientId,        ///< a `client.id` of any length: it crashed on long ones
  kScramWithKafka4,     ///< SCRAM as brokers from 3.8.1 on check it: the client's nonce was sent twice (#4895)
};

/// Whether that version of librdkafka, as rd_kafka_version() gives it, has it.
[[nodiscard]] bool has(Since what, int version = rd_kafka_version()) noexcept;

/// What to tell who was refused with these `sasl.mechanisms`; empty when the version is not to blame.
[[nodiscard]] std::string login_hint(std::string_view mechanisms, int version = rd_kafka_version());
/// Adds it to an error of authentication.
void add_login_hint(Error& error, rd_kafka_t const* client);

}  // namespace fairlead::kafka
