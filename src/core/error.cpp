#include <fairlead/error.hpp>

#include <utility>

namespace fairlead {

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::kInvalidArgument: return "invalid_argument";
    case Errc::kInvalidConfig: return "invalid_config";
    case Errc::kUnsupported: return "unsupported";
    case Errc::kClosed: return "closed";
    case Errc::kTimeout: return "timeout";
    case Errc::kWouldBlock: return "would_block";
    case Errc::kNotConnected: return "not_connected";
    case Errc::kConnectionLost: return "connection_lost";
    case Errc::kAuthentication: return "authentication";
    case Errc::kAccessDenied: return "access_denied";
    case Errc::kTls: return "tls";
    case Errc::kTooLarge: return "too_large";
    case Errc::kUnroutable: return "unroutable";
    case Errc::kUnknownDestination: return "unknown_destination";
    case Errc::kPreconditionFailed: return "precondition_failed";
    case Errc::kRefused: return "refused";
    case Errc::kBlocked: return "blocked";
    case Errc::kSerialization: return "serialization";
    case Errc::kValidation: return "validation";
    case Errc::kHandlerFailed: return "handler_failed";
    case Errc::kRejected: return "rejected";
    case Errc::kUsedAfterFork: return "used_after_fork";
    case Errc::kProtocol: return "protocol";
    case Errc::kInternal: return "internal";
  }
  return "unknown";
}

BrokerError::BrokerError(Error error) : error_(std::move(error)) {}

char const* BrokerError::what() const noexcept { return error_.message.c_str(); }

}  // namespace fairlead
