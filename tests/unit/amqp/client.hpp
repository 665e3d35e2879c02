#pragma once

#include "amqp/frame_reader.hpp"
#include "amqp/frame_writer.hpp"
#include "support/amqp_server.hpp"
#include "support/notebook.hpp"
#include "support/resources.hpp"

#include <fairlead/fairlead.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

// A client of the scripted server, and what tests of it make the server say.
namespace fairlead::amqp {

using Session = test::AmqpServer::Session;

/// How much later than its bound a call may return on a busy machine.
inline constexpr std::chrono::milliseconds kSlack{3'000};

/// Connections are cut at each of so many bytes; under a sanitizer at every sixteenth.
inline constexpr std::size_t kLastCut = 4'096;
inline constexpr std::size_t kStep = test::kIsSanitized ? 16 : 1;

/// Publishes to `orders`, and its group `billing` consumes it. Reconnects quickly.
inline Config config_for(test::AmqpServer const& server, std::string_view query = {}) {
  using namespace std::chrono_literals;
  Config config;
  config.broker = server.url(query);
  config.connection.connect_timeout = 500ms;
  config.connection.backoff_initial = 10ms;
  config.connection.backoff_max = 20ms;
  config.destinations["orders"] = {};
  auto& billing = config.subscriptions["billing"];
  billing.destination = "orders";
  billing.group = "billing";
  billing.dead_letter = false;
  return config;
}

/// Longer than any test waits for what has to come at once.
inline constexpr std::chrono::seconds kLongTimeout{30};

inline Config patient_config_for(test::AmqpServer const& server, std::string_view query = {}) {
  auto config = config_for(server, query);
  config.connection.connect_timeout = kLongTimeout;
  return config;
}

inline std::chrono::milliseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

/// A broker object whose records are kept.
struct Client {
  explicit Client(Config config, LogLevel level = LogLevel::kInfo)
      : log(std::make_shared<test::Notebook>(level)),
        broker(Broker::open(std::move(config), {.logger = log}).value()) {}

  /// A connection was lost for a reason that has this in it.
  [[nodiscard]] bool has_lost_one_to(std::string_view reason) const {
    auto const entries = log->entries("connection");
    return std::any_of(entries.begin(), entries.end(), [&](test::Notebook::Entry const& entry) {
      auto const found = entry.fields.find("broker");
      return entry.text == "connection lost" && found != entry.fields.end() &&
             found->second.find(reason) != std::string::npos;
    });
  }
  [[nodiscard]] std::string losses() const {
    std::string all;
    for (auto const& entry : log->entries("connection")) {
      for (auto const& [name, value] : entry.fields) all += entry.text + ": " + value + "\n";
    }
    return all;
  }

  std::shared_ptr<test::Notebook> log;
  std::unique_ptr<Broker> broker;
};

/// 0 for a frame that is no method.
inline amqp_method_number_t method_of(Frame const& frame) {
  return frame.type == AMQP_FRAME_METHOD ? load_big_endian<std::uint32_t>(frame.payload.data()) : 0;
}

inline std::string const kNoProperties(2, '\0');

/// basic.deliver to the consumer `billing`; `claimed_size` and `body` as given.
inline void deliver(Session& session, std::uint16_t channel, std::string_view properties, std::uint64_t claimed_size,
                    std::string_view body, std::uint64_t tag = 1) {
  amqp_basic_deliver_t fields{};
  fields.consumer_tag = to_bytes("billing");
  fields.delivery_tag = tag;
  fields.exchange = to_bytes("orders");
  session.send_method(channel, AMQP_BASIC_DELIVER_METHOD, &fields);
  session.send_content(channel, properties, claimed_size, body);
}

/// The answer to basic.consume of `billing`.
inline void accept_consumer(Session& session, std::uint16_t channel) {
  amqp_basic_consume_ok_t ok{to_bytes("billing")};
  session.send_method(channel, AMQP_BASIC_CONSUME_OK_METHOD, &ok);
}

inline void reset_connections(test::AmqpServer& server) {
  server.for_each([](Session& session) { session.reset(); });
}

/// connection.close by the broker, which then hangs up.
inline void close_connection(Session& session, std::uint16_t code, std::string_view text) {
  amqp_connection_close_t close{};
  close.reply_code = code;
  close.reply_text = to_bytes(text);
  session.send_method(0, AMQP_CONNECTION_CLOSE_METHOD, &close);
  session.hang_up();
}

}  // namespace fairlead::amqp
