#pragma once

// Everything an application needs, std and own headers only. Codecs that bring a third-party library are opt-in:
// fairlead/json.hpp, fairlead/protobuf.hpp.
#include <fairlead/amqp_broker.hpp>
#include <fairlead/broker.hpp>
#include <fairlead/capabilities.hpp>
#include <fairlead/codec.hpp>
#include <fairlead/completion.hpp>
#include <fairlead/config.hpp>
#include <fairlead/credentials.hpp>
#include <fairlead/delivery.hpp>
#include <fairlead/error.hpp>
#include <fairlead/health.hpp>
#include <fairlead/idempotency.hpp>
#include <fairlead/kafka_broker.hpp>
#include <fairlead/logger.hpp>
#include <fairlead/memory_broker.hpp>
#include <fairlead/message.hpp>
#include <fairlead/outcome.hpp>
#include <fairlead/publisher.hpp>
#include <fairlead/receiver.hpp>
#include <fairlead/result.hpp>
#include <fairlead/run_until_signal.hpp>
#include <fairlead/secret.hpp>
#include <fairlead/subscription.hpp>
#include <fairlead/version.hpp>
