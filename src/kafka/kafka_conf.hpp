#pragma once

#include "config/broker_url.hpp"
#include "kafka/handles.hpp"

#include <fairlead/config.hpp>
#include <fairlead/result.hpp>

#include <chrono>
#include <string>

namespace fairlead::kafka {

/// A message that was never sent must be reported as not persisted by librdkafka before the publish deadline calls it
/// unknown; librdkafka looks for such messages once a second.
[[nodiscard]] std::chrono::milliseconds message_timeout(std::chrono::milliseconds publish_deadline) noexcept;

/// `host:port,host:port`
[[nodiscard]] std::string addresses_of(BrokerUrl const& url);

/// What both kinds of handle share: safe defaults, then the query of the URL, then `kafka.conf`, then what the
/// contract depends on. kInvalidConfig names every property that is refused. `has_login`: user and password are not
/// those of the URL, and added by who makes a client.
[[nodiscard]] Result<NativeOptions> client_options(Config const& config, BrokerUrl const& url, bool has_login = false);
[[nodiscard]] NativeOptions producer_options(NativeOptions client, Config const& config);
[[nodiscard]] NativeOptions consumer_options(NativeOptions const& client, std::string const& group, bool reads_retries);

/// kInvalidConfig names the property and, when it is unknown, the nearest one. Never shows a value that may be secret.
/// `topic_opaque` is what rd_kafka_topic_opaque answers for the handle's topics.
[[nodiscard]] Result<ConfPtr> make_conf(NativeOptions const& options, void* topic_opaque = nullptr);

}  // namespace fairlead::kafka
