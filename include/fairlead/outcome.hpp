#pragma once

#include <fairlead/error.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace fairlead {

/// What a handler decides about a message. A handler that throws counts as `retry()`.
struct [[nodiscard]] Outcome {
  enum class Kind { kAck, kRetry, kReject };
  Kind kind = Kind::kAck;
  /// For `kRetry`: how long to wait; unset means the subscription's backoff.
  std::optional<std::chrono::milliseconds> after{};
  /// For `kRetry` and `kReject`: why, for the log and for the dead letter.
  std::string reason{};
  /// For `kRetry` and `kReject`: the kind of failure, kept with the dead letter; unset means `kHandlerFailed` or
  /// `kRejected`.
  std::optional<Errc> code{};
};

/// The message is handled.
inline Outcome ack() noexcept { return {}; }
/// Handle it again later, up to `retry.max_attempts` of the subscription; then it becomes a dead letter.
inline Outcome retry(std::string reason = {}) {
  return {Outcome::Kind::kRetry, std::nullopt, std::move(reason), std::nullopt};
}
inline Outcome retry(std::chrono::milliseconds after, std::string reason = {}) {
  return {Outcome::Kind::kRetry, after, std::move(reason), std::nullopt};
}
/// Give the message up at once: it becomes a dead letter (or is dropped and logged with `dead_letter: false`).
inline Outcome reject(std::string reason) {
  return {Outcome::Kind::kReject, std::nullopt, std::move(reason), std::nullopt};
}
/// What an error asks for: a retry when it is `retryable`, else the message is given up.
inline Outcome fail(Error error) {
  auto const kind = error.retryable ? Outcome::Kind::kRetry : Outcome::Kind::kReject;
  return {kind, std::nullopt, std::move(error.message), error.code};
}

}  // namespace fairlead
