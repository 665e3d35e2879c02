#include "conformance/conformance.hpp"

#include <random>

// What the publisher set is what the handler sees, to the byte.
namespace fairlead::conformance {
namespace {

using namespace std::string_literals;

using Messages = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Messages, testing::ValuesIn(brokers_under_test()), name_of);

std::string random_bytes(std::size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() & 0xff);
  return bytes;
}

TEST_P(Messages, PayloadsArriveByteForByte) {
  std::string every_byte;
  for (int value = 0; value < 256; ++value) every_byte.push_back(static_cast<char>(value));
  std::vector<std::string> const payloads{"",         "\0"s,      "a\0b\0"s,          every_byte,
                                          "\xff\xfe", "\xc3\x28", "\xe2\x82\xac\r\n", random_bytes(200'000)};
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto publisher = broker->publisher(destination_).value();

  for (auto const& payload : payloads) ASSERT_TRUE(publisher.publish(payload));

  ASSERT_TRUE(eventually([&] { return recorder.begun() == payloads.size(); }));
  EXPECT_TRUE(recorder.payloads() == payloads);
}

TEST_P(Messages, MessageNearTheLimitArrivesByteForByte) {
  Recorder recorder;
  auto configuration = config();
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  std::string const payload = random_bytes(configuration.publish.max_message_bytes - 2'000);

  ASSERT_TRUE(broker->publisher(destination_).value().publish(payload, {.key = "large"}));

  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));
  EXPECT_TRUE(recorder.payloads().front() == payload);
}

TEST_P(Messages, HeadersArriveByteForByteAndInOrder) {
  Headers const headers{{"text", "plain"},
                        {"empty", ""},
                        {"nul", "a\0b"s},
                        {"not-utf8", "\xff\xfe\xc3\x28"},
                        {"Case-Matters", "upper"},
                        {"case-matters", "lower"},
                        {"with!signs&more", "yes"},
                        {"large", random_bytes(8 * 1024)},
                        {std::string(255, 'n'), "long name"}};
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  ASSERT_TRUE(broker->publisher(destination_).value().publish("m", {.headers = headers}));

  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));
  EXPECT_TRUE(recorder.seen().front().headers == headers);
}

TEST_P(Messages, SixtyFourHeadersArrive) {
  Headers headers;
  for (int index = 0; index < 64; ++index) headers.set("h" + std::to_string(index), std::to_string(index * index));
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  ASSERT_TRUE(broker->publisher(destination_).value().publish("m", {.key = "k", .id = "id", .headers = headers}));

  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));
  EXPECT_TRUE(recorder.seen().front().headers == headers);
}

TEST_P(Messages, AttributesArrive) {
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto publisher = broker->publisher(destination_).value();
  auto const before = std::chrono::system_clock::now();

  Receipt const receipt = publisher
                              .publish("m", {.key = "caf\xc3\xa9 \xff",
                                             .id = "order-1",
                                             .idempotency_key = "order-1:created",
                                             .routing_key = "eu.web.created",
                                             .content_type = "text/plain; charset=utf-8"})
                              .value();

  EXPECT_EQ(receipt.id, "order-1");
  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));
  Seen const seen = recorder.seen().front();
  EXPECT_EQ(seen.key, "caf\xc3\xa9 \xff");
  EXPECT_EQ(seen.id, "order-1");
  EXPECT_EQ(seen.idempotency_key, "order-1:created");
  EXPECT_EQ(seen.routing_key, "eu.web.created");
  EXPECT_EQ(seen.content_type, "text/plain; charset=utf-8");
  EXPECT_TRUE(seen.headers.empty());
  EXPECT_GE(seen.timestamp, before - 2s);
  EXPECT_LE(seen.timestamp, std::chrono::system_clock::now() + 2s);
}

TEST_P(Messages, UnsetAttributesAreEmptyAndTheIdempotencyKeyIsTheId) {
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  Receipt const receipt = broker->publisher(destination_).value().publish("m").value();

  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));
  Seen const seen = recorder.seen().front();
  EXPECT_EQ(seen.key, "");
  EXPECT_EQ(seen.id, receipt.id);
  EXPECT_EQ(seen.idempotency_key, receipt.id);
  EXPECT_EQ(seen.routing_key, "");
  EXPECT_EQ(seen.content_type, "");
  EXPECT_TRUE(seen.headers.empty());
}

TEST_P(Messages, IdsAndTracesCanBeSwitchedOff) {
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).message_ids = false;
  orders_of(configuration).trace = false;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  Receipt const receipt = broker->publisher(destination_).value().publish("m").value();

  EXPECT_EQ(receipt.id, "");
  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));
  EXPECT_EQ(recorder.seen().front().id, "");
  EXPECT_EQ(recorder.seen().front().traceparent, "");
}

/// `00-<trace id>-<span id>-<flags>`
std::string trace_id(std::string const& traceparent) {
  return traceparent.size() == 55 ? traceparent.substr(3, 32) : "";
}
std::string span_id(std::string const& traceparent) {
  return traceparent.size() == 55 ? traceparent.substr(36, 16) : "";
}

TEST_P(Messages, EachPublishStartsATraceOfItsOwn) {
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  publish(*broker, numbered("m", 2));

  ASSERT_TRUE(eventually([&] { return recorder.begun() == 2; }));
  auto const seen = recorder.seen();
  EXPECT_EQ(trace_id(seen[0].traceparent).size(), 32U) << seen[0].traceparent;
  EXPECT_NE(trace_id(seen[0].traceparent), trace_id(seen[1].traceparent));
}

TEST_P(Messages, PublishInsideAHandlerContinuesItsTrace) {
  Recorder orders_seen;
  Recorder invoices_seen;
  auto configuration = config();
  std::string const invoices = unique_name("invoices");
  configuration.destinations[invoices] = {};
  add_group(configuration, "invoices").destination = invoices;
  auto broker = open(configuration);
  auto invoice_publisher = broker->publisher(invoices).value();
  auto invoicing = broker->subscribe("invoices", invoices_seen.handler()).value();
  auto billing = broker
                     ->subscribe("billing", orders_seen.handler([&](Seen const&) {
                       invoice_publisher.publish("invoice").value();
                       return ack();
                     }))
                     .value();

  publish(*broker, "order");

  ASSERT_TRUE(eventually([&] { return invoices_seen.begun() == 1; }));
  std::string const outer = orders_seen.seen().front().traceparent;
  std::string const inner = invoices_seen.seen().front().traceparent;
  EXPECT_EQ(trace_id(outer).size(), 32U) << outer;
  EXPECT_EQ(trace_id(inner), trace_id(outer));
  EXPECT_NE(span_id(inner), span_id(outer));
}

TEST_P(Messages, ExpiredMessageIsNotHandled) {
  Recorder recorder;
  auto configuration = config();
  billing_of(configuration).max_in_flight = 1;
  auto broker = open(configuration);
  if (auto const& can = broker->capabilities().time_to_live; !can) GTEST_SKIP() << can.reason;
  // The first message is handled for longer than the second one lives.
  auto const slow = [](Seen const& message) {
    if (message.payload == "slow") (void)Gate().wait(300ms);
    return ack();
  };
  auto billing = broker->subscribe("billing", recorder.handler(slow)).value();
  auto publisher = broker->publisher(destination_).value();

  ASSERT_TRUE(publisher.publish("slow"));
  ASSERT_TRUE(eventually([&] { return recorder.has("slow"); }));
  ASSERT_TRUE(publisher.publish("short-lived", {.time_to_live = 50ms}));
  ASSERT_TRUE(publisher.publish("long-lived", {.time_to_live = 60s}));

  ASSERT_TRUE(eventually([&] { return recorder.has("long-lived"); }));
  EXPECT_FALSE(recorder.has("short-lived"));
}

}  // namespace
}  // namespace fairlead::conformance
