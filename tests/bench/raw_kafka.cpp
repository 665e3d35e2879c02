// librdkafka used well, without Fairlead: the bar for KafkaBroker.
//   raw_kafka publish|consume address=HOST:PORT topic=T count=N size=S [stamped=1]
#include "measure.hpp"

#include <librdkafka/rdkafka.h>

#include <unistd.h>

namespace {

long confirmed = 0;

void on_delivery(rd_kafka_t*, rd_kafka_message_t const* message, void*) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) bench::fail(rd_kafka_err2str(message->err));
  ++confirmed;
}

void set(rd_kafka_conf_t* conf, char const* name, std::string const& value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) bench::fail(error);
}

/// With stamps, or without any.
void publish_one(rd_kafka_t* producer, rd_kafka_topic_t* topic, std::string& payload, bench::Stamps* stamps) {
  if (stamps != nullptr) stamps->renew();
  for (;;) {
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (stamps == nullptr) {
      if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, payload.data(), payload.size(), nullptr,
                           0, nullptr) != 0) {
        error = rd_kafka_last_error();
      }
    } else {
      auto* headers = rd_kafka_headers_new(2);
      rd_kafka_header_add(headers, "message-id", 10, stamps->id().data(), 36);
      rd_kafka_header_add(headers, "traceparent", 11, stamps->trace().data(), 55);
      error = rd_kafka_producev(producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_VALUE(payload.data(), payload.size()),
                                RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
      if (error != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(headers);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) bench::fail(rd_kafka_err2str(error));
    rd_kafka_poll(producer, 10);
  }
}

void publish(std::string const& address, std::string const& name, long count, std::size_t size, bool stamped) {
  auto* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", address);
  set(conf, "enable.idempotence", "true");
  set(conf, "compression.codec", "snappy");
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  char error[256];
  auto* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (producer == nullptr) bench::fail(error);
  auto* topic = rd_kafka_topic_new(producer, name.c_str(), nullptr);
  auto payload = bench::payload(size);

  bench::Stamps made;
  auto* const stamps = stamped ? &made : nullptr;
  publish_one(producer, topic, payload, stamps);
  while (confirmed < 1) rd_kafka_poll(producer, 10);
  confirmed = 0;
  bench::Stopwatch watch;
  watch.start();
  for (long sent = 0; sent < count; ++sent) {
    publish_one(producer, topic, payload, stamps);
    if (sent % 256 == 0) rd_kafka_poll(producer, 0);
  }
  while (confirmed < count) rd_kafka_poll(producer, 10);
  watch.report("raw", count, static_cast<long>(size));
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
}

void consume(std::string const& address, std::string const& name, long count, std::size_t size) {
  auto* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", address);
  set(conf, "group.id", "raw-" + std::to_string(getpid()));
  set(conf, "auto.offset.reset", "earliest");
  set(conf, "enable.auto.offset.store", "false");  // process, then store: at least once
  set(conf, "auto.commit.interval.ms", "1000");
  set(conf, "queued.min.messages", "1000000");  // without it librdkafka stalls for a second at a time
  char error[256];
  auto* consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (consumer == nullptr) bench::fail(error);
  rd_kafka_poll_set_consumer(consumer);
  auto* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, name.c_str(), RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(consumer, topics);
  rd_kafka_topic_partition_list_destroy(topics);

  bench::Stopwatch watch;
  for (long received = 0; received < count;) {
    auto* message = rd_kafka_consumer_poll(consumer, 100);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (received++ == 0) watch.start();
      rd_kafka_offset_store(message->rkt, message->partition, message->offset);
    }
    rd_kafka_message_destroy(message);
  }
  watch.report("raw", count, static_cast<long>(size));
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
}

}  // namespace

int main(int argc, char** argv) {
  std::string const what = argc > 1 ? argv[1] : "";
  auto const address = bench::argument(argc, argv, "address", "");
  auto const topic = bench::argument(argc, argv, "topic", "");
  long const count = bench::number(argc, argv, "count", 100'000);
  auto const size = static_cast<std::size_t>(bench::number(argc, argv, "size", 100));
  if (what == "publish") {
    publish(address, topic, count, size, bench::number(argc, argv, "stamped", 0) != 0);
  } else if (what == "consume") {
    consume(address, topic, count, size);
  } else {
    bench::fail("usage: raw_kafka publish|consume address=HOST:PORT topic=T count=N size=S [stamped=1]");
  }
}
