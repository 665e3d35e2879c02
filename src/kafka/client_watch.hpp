#pragma once

#include "broker/credentials_desk.hpp"
#include "kafka/handles.hpp"

#include <fairlead/error.hpp>
#include <fairlead/logger.hpp>

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

namespace fairlead::kafka {

/// Where user and password of Kafka clients come from when not from the configuration.
struct KafkaLogin {
  std::shared_ptr<CredentialsDesk> desk;
  std::string user;       ///< when the provider gives none
  bool is_token = false;  ///< SASL OAUTHBEARER
  std::shared_ptr<Logger> logger;
};

/// Clients of that configuration keep what librdkafka has no place for: why a certificate was refused, which it does
/// not tell, and their login, which may be null. Tokens are asked for before they end.
void watch_client(rd_kafka_conf_t* conf, std::shared_ptr<KafkaLogin const> login);

/// A watched configuration that librdkafka has refused to make a client of: a part of it is freed then, and destroying
/// it would free that part again (librdkafka to 2.12 at least).
void leave_behind(ConfPtr conf) noexcept;

/// What was asked for before the client was made, so that its first connection need not wait for it.
void begin_login(rd_kafka_t* client, Credentials credentials);

/// A token is about to end: asks for the next one. Consumers do it by themselves; a producer is told by an event.
void renew_login(rd_kafka_t* client) noexcept;

/// A connection failed: adds to an error of TLS why the certificate was refused, and asks for new credentials, which
/// the next connection uses.
void on_connection_error(rd_kafka_t* client, Error& error);

/// Sets the credentials in use once more; false when the client's configuration has them.
bool repeat_credentials(rd_kafka_t* client);

// All of them are thread-safe; a client that is being destroyed is left alone.

}  // namespace fairlead::kafka
