#pragma once

#include <fairlead/result.hpp>
#include <fairlead/secret.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace fairlead {

/// What a broker is logged in to with.
struct Credentials {
  std::string user{};  ///< empty: the user in the broker's URL. With OAUTHBEARER the principal
  Secret password{};   ///< or the token
  /// With OAUTHBEARER: when the token ends. It is replaced before that; without it every few minutes.
  std::optional<std::chrono::system_clock::time_point> expires_at{};
};

/// Gives the credentials of the moment, so that they can be rotated without a restart. AMQP asks at each connection;
/// Kafka when a client is made, when its connection fails, and before a token ends.
///
/// Called on a thread of the library of its own (`fl-credentials`), one call at a time; it may block, and whoever
/// connects waits for it, at most for its own timeout. It must own what it uses, because a call that still runs when
/// the broker is closed is not waited for. An error, or an exception (contained), is one of the connection:
/// `Broker::open` fails with it unless it is `retryable`, and a connection that was lost asks again, after 5 s at least
/// unless it is `retryable`.
using CredentialsProvider = std::function<Result<Credentials>()>;

}  // namespace fairlead
