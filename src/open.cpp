// The table of built backends. Listed here by hand: a static library drops objects that only register themselves.
#include "broker/open_checks.hpp"
#include "config/broker_url.hpp"

#include <fairlead/fairlead.hpp>

#include <utility>

namespace fairlead {
namespace {

template <class Backend>
Result<std::unique_ptr<Broker>> open_as(Config config, OpenOptions options) {
  auto opened = Backend::open(std::move(config), std::move(options));
  if (!opened) return std::move(opened).error();
  return std::unique_ptr<Broker>(*std::move(opened));
}

[[maybe_unused]] Error left_out(char const* option) {
  return {Errc::kUnsupported,
          std::string("this Fairlead was built without that broker; build it with ") + option + "=ON"};
}

}  // namespace

Result<std::unique_ptr<Broker>> Broker::open(Config config, OpenOptions options) {
  auto const url = parse_broker_url(config.broker);
  if (!url) return url.error();
  switch (url->scheme) {
    case BrokerUrl::Scheme::kMemory: return open_as<MemoryBroker>(std::move(config), std::move(options));
    case BrokerUrl::Scheme::kKafka:
    case BrokerUrl::Scheme::kKafkas:
#ifdef FAIRLEAD_WITH_KAFKA
      return open_as<KafkaBroker>(std::move(config), std::move(options));
#else
      return left_out("FAIRLEAD_WITH_KAFKA");
#endif
    case BrokerUrl::Scheme::kAmqp:
    case BrokerUrl::Scheme::kAmqps:
#ifdef FAIRLEAD_WITH_AMQP
      return open_as<AmqpBroker>(std::move(config), std::move(options));
#else
      return left_out("FAIRLEAD_WITH_AMQP");
#endif
  }
  return Error{Errc::kInternal, "unknown broker scheme"};
}

std::string_view version() noexcept { return FAIRLEAD_VERSION; }

#ifndef FAIRLEAD_WITH_KAFKA
std::string_view kafka_client_version() noexcept { return "not built in"; }
#endif
#ifndef FAIRLEAD_WITH_AMQP
std::string_view amqp_client_version() noexcept { return "not built in"; }
#endif

}  // namespace fairlead
