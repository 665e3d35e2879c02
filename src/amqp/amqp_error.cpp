#include "amqp/amqp_error.hpp"

#include "amqp/codec.hpp"

#include <array>
#include <string>

namespace fairlead::amqp {

namespace {

struct Reply {
  int code;
  Errc errc;
  bool retryable;
  bool maybe_applied;
};

// Every reply code of AMQP 0-9-1.
constexpr std::array kReplies{
    Reply{AMQP_CONTENT_TOO_LARGE, Errc::kTooLarge, false, false},
    Reply{AMQP_NO_ROUTE, Errc::kUnroutable, false, false},
    Reply{AMQP_NO_CONSUMERS, Errc::kUnroutable, false, false},
    Reply{AMQP_ACCESS_REFUSED, Errc::kAccessDenied, false, false},
    Reply{AMQP_NOT_FOUND, Errc::kUnknownDestination, false, false},
    Reply{AMQP_RESOURCE_LOCKED, Errc::kAccessDenied, true, false},
    Reply{AMQP_PRECONDITION_FAILED, Errc::kPreconditionFailed, false, false},
    Reply{AMQP_CONNECTION_FORCED, Errc::kConnectionLost, true, true},
    Reply{AMQP_INVALID_PATH, Errc::kInvalidConfig, false, false},
    Reply{AMQP_FRAME_ERROR, Errc::kProtocol, true, true},
    Reply{AMQP_SYNTAX_ERROR, Errc::kProtocol, true, true},
    Reply{AMQP_COMMAND_INVALID, Errc::kProtocol, true, true},
    Reply{AMQP_CHANNEL_ERROR, Errc::kProtocol, true, true},
    Reply{AMQP_UNEXPECTED_FRAME, Errc::kProtocol, true, true},
    Reply{AMQP_RESOURCE_ERROR, Errc::kRefused, true, true},
    Reply{AMQP_NOT_ALLOWED, Errc::kAccessDenied, false, false},
    Reply{AMQP_NOT_IMPLEMENTED, Errc::kUnsupported, false, false},
    Reply{AMQP_INTERNAL_ERROR, Errc::kRefused, true, true},
};

// The setting that stands behind an argument named in RabbitMQ's `inequivalent arg 'x'`.
std::string_view setting_of(std::string_view text) {
  constexpr std::string_view kBefore = "inequivalent arg '";
  auto const at = text.find(kBefore);
  if (at == text.npos) return {};
  auto const name = text.substr(at + kBefore.size(), text.find('\'', at + kBefore.size()) - at - kBefore.size());
  if (name == "x-queue-type" || name == "x-max-priority") return "amqp.queue_type";
  if (name == "x-single-active-consumer") return "ordering";
  if (name == "type") return "amqp.type";
  return "amqp.queue_arguments";
}

}  // namespace

Error reply_error(int code, std::string_view text, std::string_view what) {
  Error error{Errc::kProtocol, {}, true, true, code};
  for (auto const& reply : kReplies) {
    if (reply.code != code) continue;
    error.code = reply.errc;
    error.retryable = reply.retryable;
    error.maybe_applied = reply.maybe_applied;
  }
  error.message = std::string(what) + ": " + std::string(text) + " (" + std::to_string(code) + ")";
  if (code == AMQP_PRECONDITION_FAILED && text.find("message size") != text.npos) error.code = Errc::kTooLarge;
  if (code == AMQP_PRECONDITION_FAILED && text.find("timed out") != text.npos) error.retryable = true;
  if (auto const setting = setting_of(text); !setting.empty()) {
    error.message += "; it exists already: change `" + std::string(setting) + "`, or delete it on the broker";
  }
  return error;
}

Error connection_lost(std::string_view reason) {
  return {Errc::kConnectionLost, "connection to the broker lost: " + std::string(reason), true, true, 0};
}

Error protocol_error(std::string_view problem) {
  return {Errc::kProtocol, "AMQP protocol violated: " + std::string(problem), true, true, 0};
}

}  // namespace fairlead::amqp
