// rabbitmq-c used as its examples show, without Fairlead: the bar for AmqpBroker.
//   raw_amqp publish host=H port=P exchange=E count=N size=S window=W [stamped=1]   window=1 waits for each confirm
//   raw_amqp consume host=H port=P queue=Q count=N size=S ack_every=K prefetch=F
#include "measure.hpp"

#include <amqp.h>
#include <amqp_tcp_socket.h>

namespace {

void check(int status, char const* what) {
  if (status != AMQP_STATUS_OK) bench::fail(std::string(what) + ": " + amqp_error_string2(status));
}

void check_reply(amqp_connection_state_t connection, char const* what) {
  if (amqp_get_rpc_reply(connection).reply_type != AMQP_RESPONSE_NORMAL) bench::fail(what);
}

amqp_bytes_t bytes(std::string const& text) { return {text.size(), const_cast<char*>(text.data())}; }

amqp_connection_state_t connect(std::string const& host, int port) {
  auto* connection = amqp_new_connection();
  auto* socket = amqp_tcp_socket_new(connection);
  check(amqp_socket_open(socket, host.c_str(), port), "connect");
  if (amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest").reply_type !=
      AMQP_RESPONSE_NORMAL) {
    bench::fail("login");
  }
  amqp_channel_open(connection, 1);
  check_reply(connection, "channel.open");
  return connection;
}

/// Waits for one confirm frame; returns how many publishes it confirmed.
long wait_confirm(amqp_connection_state_t connection, std::uint64_t& confirmed_tag) {
  for (;;) {
    amqp_frame_t frame;
    check(amqp_simple_wait_frame(connection, &frame), "wait for confirm");
    if (frame.frame_type != AMQP_FRAME_METHOD) continue;
    if (frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
      auto const* ack = static_cast<amqp_basic_ack_t*>(frame.payload.method.decoded);
      auto const before = confirmed_tag;
      if (ack->delivery_tag > confirmed_tag) confirmed_tag = ack->delivery_tag;
      amqp_maybe_release_buffers(connection);
      return ack->multiple != 0 ? static_cast<long>(ack->delivery_tag - before) : 1;
    }
    if (frame.payload.method.id == AMQP_BASIC_RETURN_METHOD) bench::fail("a message was unroutable");
  }
}

void publish(std::string const& host, int port, std::string const& exchange, long count, std::size_t size, long window,
             bool stamped) {
  auto* connection = connect(host, port);
  amqp_confirm_select(connection, 1);
  check_reply(connection, "confirm.select");
  auto const payload = bench::payload(size);
  bench::Stamps stamps;
  amqp_table_entry_t trace{};
  trace.key = amqp_cstring_bytes("traceparent");
  trace.value.kind = AMQP_FIELD_KIND_UTF8;
  trace.value.value.bytes = bytes(stamps.trace());
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_TIMESTAMP_FLAG;
  properties.delivery_mode = 2;
  properties.timestamp = 1'700'000'000;
  if (stamped) {
    properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_HEADERS_FLAG;
    properties.message_id = bytes(stamps.id());
    properties.headers = {1, &trace};
  }
  auto const publish_one = [&] {
    if (stamped) stamps.renew();
    check(amqp_basic_publish(connection, 1, bytes(exchange), amqp_empty_bytes, 1, 0, &properties, bytes(payload)),
          "publish");
  };
  std::uint64_t confirmed_tag = 0;
  publish_one();
  wait_confirm(connection, confirmed_tag);

  bench::Stopwatch watch;
  watch.start();
  long unconfirmed = 0;
  for (long sent = 0; sent < count; ++sent) {
    publish_one();
    ++unconfirmed;
    while (unconfirmed >= window) unconfirmed -= wait_confirm(connection, confirmed_tag);
  }
  while (unconfirmed > 0) unconfirmed -= wait_confirm(connection, confirmed_tag);
  watch.report("raw", count, static_cast<long>(size));
  amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
  amqp_destroy_connection(connection);
}

void consume(std::string const& host, int port, std::string const& queue, long count, std::size_t size, long ack_every,
             int prefetch) {
  auto* connection = connect(host, port);
  amqp_basic_qos(connection, 1, 0, static_cast<std::uint16_t>(prefetch), 0);
  check_reply(connection, "basic.qos");
  amqp_basic_consume(connection, 1, bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  check_reply(connection, "basic.consume");
  bench::Stopwatch watch;
  for (long received = 0; received < count;) {
    amqp_maybe_release_buffers(connection);
    amqp_envelope_t envelope;
    if (amqp_consume_message(connection, &envelope, nullptr, 0).reply_type != AMQP_RESPONSE_NORMAL) {
      bench::fail("consume");
    }
    if (received++ == 0) watch.start();
    if (received % ack_every == 0 || received == count) {
      check(amqp_basic_ack(connection, 1, envelope.delivery_tag, ack_every > 1 ? 1 : 0), "ack");
    }
    amqp_destroy_envelope(&envelope);
  }
  watch.report("raw", count, static_cast<long>(size));
  amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
  amqp_destroy_connection(connection);
}

}  // namespace

int main(int argc, char** argv) {
  std::string const what = argc > 1 ? argv[1] : "";
  auto const host = bench::argument(argc, argv, "host", "127.0.0.1");
  int const port = static_cast<int>(bench::number(argc, argv, "port", 5672));
  long const count = bench::number(argc, argv, "count", 50'000);
  auto const size = static_cast<std::size_t>(bench::number(argc, argv, "size", 100));
  if (what == "publish") {
    publish(host, port, bench::argument(argc, argv, "exchange", ""), count, size,
            bench::number(argc, argv, "window", 1000), bench::number(argc, argv, "stamped", 0) != 0);
  } else if (what == "consume") {
    consume(host, port, bench::argument(argc, argv, "queue", ""), count, size,
            bench::number(argc, argv, "ack_every", 1), static_cast<int>(bench::number(argc, argv, "prefetch", 1000)));
  } else {
    bench::fail("usage: raw_amqp publish|consume host=H port=P ...");
  }
}
