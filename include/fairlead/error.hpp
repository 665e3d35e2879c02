#pragma once

#include <fairlead/export.hpp>

#include <exception>
#include <string>
#include <string_view>

namespace fairlead {

/// What went wrong, the same on every broker. `to_string` gives the stable name used in logs as `error.type`.
enum class Errc {
  kInvalidArgument,     ///< the call itself is wrong: an empty name, a bad header
  kInvalidConfig,       ///< the configuration is wrong; the message lists every problem
  kUnsupported,         ///< this broker, or this build, cannot do it
  kClosed,              ///< the broker, publisher or subscription was closed
  kTimeout,             ///< the deadline passed
  kWouldBlock,          ///< the publish window is full and the caller did not want to wait
  kNotConnected,        ///< no connection to the broker could be made
  kConnectionLost,      ///< the connection broke before the answer came
  kAuthentication,      ///< the broker refused the credentials
  kAccessDenied,        ///< the credentials do not allow this operation
  kTls,                 ///< the TLS handshake or a certificate failed
  kTooLarge,            ///< payload, header or key over its limit; nothing was sent
  kUnroutable,          ///< the broker has no place to put the message
  kUnknownDestination,  ///< no such topic, exchange or log, and creating it is off
  kPreconditionFailed,  ///< it exists with other properties than the configuration asks for
  kRefused,             ///< the broker refused the message (AMQP nack, Kafka broker error)
  kBlocked,             ///< the broker has told publishers to wait (RabbitMQ memory or disk alarm)
  kSerialization,       ///< the payload does not decode, or the value does not encode
  kValidation,          ///< `validate(value)` refused it
  kHandlerFailed,       ///< the handler threw, or asked for a retry
  kRejected,            ///< the handler gave the message up
  kUsedAfterFork,       ///< a forked child used what belongs to its parent; open a broker of its own there
  kProtocol,            ///< the peer does not speak the protocol
  kInternal,            ///< a defect in this library or in the client library below it
};

[[nodiscard]] FAIRLEAD_EXPORT std::string_view to_string(Errc code) noexcept;

/// A failure as a value. Its properties, not its type, decide what to do next.
struct Error {
  Errc code = Errc::kInternal;
  /// For people: what happened and which setting to change. Never holds a secret.
  std::string message;
  /// The same call may succeed later without any change.
  bool retryable = false;
  /// The broker may have applied it although no confirmation came: sending again may duplicate.
  bool maybe_applied = false;
  /// The client library's or protocol's own code (librdkafka error, AMQP reply code); 0 when there is none.
  int native_code = 0;
};

/// Thrown by `Result::value()` only.
class FAIRLEAD_EXPORT BrokerError : public std::exception {
 public:
  explicit BrokerError(Error error);
  [[nodiscard]] char const* what() const noexcept override;
  [[nodiscard]] Error const& error() const noexcept { return error_; }

 private:
  Error error_;
};

}  // namespace fairlead
