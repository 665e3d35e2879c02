#include "amqp/publish_encoder.hpp"

#include "amqp/codec.hpp"
#include "amqp/frame_writer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace fairlead::amqp {
namespace {

Outbound message_with(Headers const& headers) {
  Outbound message;
  message.payload = "payload";
  message.headers = &headers;
  return message;
}

std::string encoded(PublishEncoder const& encoder, std::string_view routing_key, Outbound const& message,
                    std::size_t frame_max = kFrameMax) {
  ByteBuffer out;
  encoder.encode(out, 7, routing_key, message, frame_max);
  return std::string(out.view());
}

amqp_table_entry_t text(std::string_view name, std::string_view value) {
  amqp_table_entry_t entry{};
  entry.key = to_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = to_bytes(value);
  return entry;
}

TEST(PublishEncoder, WritesTheBytesThatRabbitmqcWouldWrite) {
  Headers const headers{{"color", "blue"}, {"empty", ""}};
  auto message = message_with(headers);
  message.key = "user-1";
  message.id = "id-1";
  message.idempotency_key = "order-1:created";
  message.content_type = "application/json";
  message.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  message.timestamp_ms = 1'700'000'000'999;
  message.time_to_live = std::chrono::milliseconds(1'500);
  message.priority = 7;

  std::array entries{text("message-key", message.key), text("idempotency-key", message.idempotency_key),
                     text("traceparent", message.traceparent), text("color", "blue"), text("empty", "")};
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                      AMQP_BASIC_PRIORITY_FLAG | AMQP_BASIC_EXPIRATION_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                      AMQP_BASIC_TIMESTAMP_FLAG;
  properties.content_type = to_bytes(message.content_type);
  properties.headers = {static_cast<int>(entries.size()), entries.data()};
  properties.delivery_mode = 2;
  properties.priority = 7;
  properties.expiration = to_bytes("1500");
  properties.message_id = to_bytes(message.id);
  properties.timestamp = 1'700'000'000;
  std::string header(512, '\0');
  store_big_endian(header.data(), std::uint16_t{AMQP_BASIC_CLASS});
  store_big_endian(header.data() + 4, std::uint64_t{message.payload.size()});
  auto const size =
      amqp_encode_properties(AMQP_BASIC_CLASS, &properties, to_bytes(std::string_view(header).substr(12)));
  ASSERT_GE(size, 0);
  header.resize(12 + static_cast<std::size_t>(size));
  amqp_basic_publish_t publish{};
  publish.exchange = to_bytes("orders");
  publish.routing_key = to_bytes("eu.3");
  publish.mandatory = 1;
  ByteBuffer expected;
  append_method(expected, 7, AMQP_BASIC_PUBLISH_METHOD, &publish);
  append_frame(expected, AMQP_FRAME_HEADER, 7, header);
  append_frame(expected, AMQP_FRAME_BODY, 7, message.payload);

  EXPECT_EQ(encoded(PublishEncoder("orders"), "eu.3", message), expected.view());
}

TEST(PublishEncoder, LeavesOutWhatTheMessageDoesNotHave) {
  Headers const none;
  auto message = message_with(none);
  message.payload = {};
  amqp_basic_publish_t publish{};
  publish.exchange = to_bytes("orders");
  publish.mandatory = 1;
  ByteBuffer expected;
  append_method(expected, 7, AMQP_BASIC_PUBLISH_METHOD, &publish);
  append_frame(expected, AMQP_FRAME_HEADER, 7, std::string("\0\x3c\0\0\0\0\0\0\0\0\0\0\x10\0\x02", 15));
  EXPECT_EQ(encoded(PublishEncoder("orders"), "", message), expected.view());
}

TEST(PublishEncoder, SendsTheIdempotencyKeyOnlyWhenItDiffersFromTheId) {
  Headers const none;
  auto message = message_with(none);
  message.id = message.idempotency_key = "id-1";
  EXPECT_EQ(encoded(PublishEncoder("orders"), "", message).find("idempotency-key"), std::string::npos);
  message.idempotency_key = "other";
  EXPECT_NE(encoded(PublishEncoder("orders"), "", message).find("idempotency-key"), std::string::npos);
}

TEST(PublishEncoder, CutsTheBodyAtFrameMax) {
  Headers const none;
  auto message = message_with(none);
  constexpr std::size_t kSmall = 4096;
  for (std::size_t const size : {kSmall - kFrameOverhead, kSmall - kFrameOverhead + 1, 3 * kSmall}) {
    std::string const body(size, 'b');
    message.payload = body;
    ByteBuffer expected;
    append_body(expected, 7, body, kSmall);
    auto const frames = (size + kSmall - kFrameOverhead - 1) / (kSmall - kFrameOverhead);
    EXPECT_EQ(expected.size(), size + frames * kFrameOverhead);
    auto const bytes = encoded(PublishEncoder("orders"), "", message, kSmall);
    EXPECT_EQ(bytes.substr(bytes.size() - expected.size()), expected.view());
  }
}

TEST(PublishEncoder, RefusesWhatDoesNotFitIntoAnAmqpField) {
  Headers const none;
  PublishEncoder const encoder("orders");
  std::string const fits(255, 'x');
  std::string const too_long(256, 'x');
  auto message = message_with(none);
  message.id = message.content_type = fits;
  EXPECT_TRUE(encoder.check(fits, message, kFrameMax));
  EXPECT_EQ(encoder.check(too_long, message, kFrameMax).error().code, Errc::kTooLarge);
  message.id = too_long;
  EXPECT_EQ(encoder.check("", message, kFrameMax).error().code, Errc::kTooLarge);
  message.id = {};
  message.content_type = too_long;
  EXPECT_EQ(encoder.check("", message, kFrameMax).error().code, Errc::kTooLarge);
}

TEST(PublishEncoder, RefusesHeadersLargerThanAFrame) {
  Headers large;
  for (int i = 0; i < 20; ++i) large.set("h" + std::to_string(i), std::string(8'000, 'x'));
  EXPECT_EQ(PublishEncoder("orders").check("", message_with(large), kFrameMax).error().code, Errc::kTooLarge);
}

TEST(PublishEncoder, ADeadLetterCarriesItsRoutingKeyAsAHeader) {
  Headers const none;
  auto message = message_with(none);
  message.routing_key = "eu.created";
  PublishEncoder encoder("");
  EXPECT_EQ(encoded(encoder, "orders.billing.dlq", message).find("eu.created"), std::string::npos);
  encoder.carry_routing_key_as_header();
  EXPECT_NE(encoded(encoder, "orders.billing.dlq", message).find("eu.created"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::amqp
