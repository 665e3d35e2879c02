#include "amqp/properties.hpp"

#include "amqp/codec.hpp"
#include "amqp/frame_writer.hpp"
#include "unit/amqp/tables.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace fairlead::amqp {
namespace {

std::string encode(amqp_basic_properties_t properties) {
  std::string bytes(4096, '\0');
  auto const size = amqp_encode_properties(AMQP_BASIC_CLASS, &properties, to_bytes(bytes));
  EXPECT_GE(size, 0);
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

std::string encode(amqp_table_t table) {
  std::string bytes(4096, '\0');
  std::size_t offset = 0;
  EXPECT_EQ(amqp_encode_table(to_bytes(bytes), &table, &offset), AMQP_STATUS_OK);
  return bytes.substr(4, offset - 4);  // without its size
}

amqp_table_entry_t entry(std::string_view name, std::uint8_t kind) {
  amqp_table_entry_t result{};
  result.key = to_bytes(name);
  result.value.kind = kind;
  return result;
}

std::string header(Inbound const& message, std::string_view name) {
  for (auto const& header : message.headers) {
    if (header.name == name) return std::string(header.value);
  }
  return "<missing>";
}

TEST(Properties, AreReadAsRabbitmqcWritesThem) {
  std::array headers{entry("name", AMQP_FIELD_KIND_UTF8)};
  headers[0].value.value.bytes = to_bytes("value");
  amqp_basic_properties_t all{};
  all._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CONTENT_ENCODING_FLAG | AMQP_BASIC_HEADERS_FLAG |
               AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_PRIORITY_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG |
               AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_EXPIRATION_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
               AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_USER_ID_FLAG | AMQP_BASIC_APP_ID_FLAG |
               AMQP_BASIC_CLUSTER_ID_FLAG;
  all.content_type = to_bytes("application/json");
  all.content_encoding = to_bytes("gzip");
  all.headers = {1, headers.data()};
  all.correlation_id = to_bytes("correlation");
  all.reply_to = to_bytes("reply");
  all.expiration = to_bytes("1000");
  all.message_id = to_bytes("id-1");
  all.timestamp = 1'700'000'000;
  all.priority = 7;
  auto const bytes = encode(all);

  Properties properties;
  ASSERT_TRUE(read_properties(bytes, properties));
  EXPECT_EQ(properties.content_type, "application/json");
  EXPECT_EQ(properties.message_id, "id-1");
  EXPECT_EQ(properties.timestamp_s, 1'700'000'000u);
  EXPECT_EQ(properties.priority, 7);
  Inbound message;
  ASSERT_TRUE(take_headers(properties.headers, message));
  EXPECT_EQ(header(message, "name"), "value");
}

TEST(Properties, CutAnywhereAreMalformedAndNothingElse) {
  amqp_basic_properties_t some{};
  some._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG;
  some.content_type = to_bytes("text/plain");
  some.message_id = to_bytes("id-1");
  auto const bytes = encode(some);
  constexpr std::size_t kFlags = 2;  // which a content header has at least
  for (std::size_t cut = kFlags; cut < bytes.size(); ++cut) {
    Properties properties;
    std::string const exact = bytes.substr(0, cut);  // so that a sanitizer sees a read past the end
    EXPECT_FALSE(read_properties(exact, properties)) << cut;
  }
}

TEST(Headers, NumbersAndBooleansBecomeText) {
  std::array entries{entry("bool", AMQP_FIELD_KIND_BOOLEAN), entry("i8", AMQP_FIELD_KIND_I8),
                     entry("u8", AMQP_FIELD_KIND_U8),        entry("i16", AMQP_FIELD_KIND_I16),
                     entry("u16", AMQP_FIELD_KIND_U16),      entry("i32", AMQP_FIELD_KIND_I32),
                     entry("u32", AMQP_FIELD_KIND_U32),      entry("i64", AMQP_FIELD_KIND_I64),
                     entry("u64", AMQP_FIELD_KIND_U64),      entry("f32", AMQP_FIELD_KIND_F32),
                     entry("f64", AMQP_FIELD_KIND_F64),      entry("time", AMQP_FIELD_KIND_TIMESTAMP)};
  entries[0].value.value.boolean = 1;
  entries[1].value.value.i8 = -128;
  entries[2].value.value.u8 = 255;
  entries[3].value.value.i16 = -32'768;
  entries[4].value.value.u16 = 65'535;
  entries[5].value.value.i32 = -2'147'483'647;
  entries[6].value.value.u32 = 4'294'967'295u;
  entries[7].value.value.i64 = -9'223'372'036'854'775'807;
  entries[8].value.value.u64 = 18'446'744'073'709'551'615u;
  entries[9].value.value.f32 = 1.5F;
  entries[10].value.value.f64 = -0.25;
  entries[11].value.value.u64 = 1'700'000'000;
  auto const table = encode(amqp_table_t{static_cast<int>(entries.size()), entries.data()});

  Inbound message;
  ASSERT_TRUE(take_headers(table, message));
  EXPECT_EQ(header(message, "bool"), "true");
  EXPECT_EQ(header(message, "i8"), "-128");
  EXPECT_EQ(header(message, "u8"), "255");
  EXPECT_EQ(header(message, "i16"), "-32768");
  EXPECT_EQ(header(message, "u16"), "65535");
  EXPECT_EQ(header(message, "i32"), "-2147483647");
  EXPECT_EQ(header(message, "u32"), "4294967295");
  EXPECT_EQ(header(message, "i64"), "-9223372036854775807");
  EXPECT_EQ(header(message, "u64"), "18446744073709551615");
  EXPECT_EQ(header(message, "f32"), "1.5");
  EXPECT_EQ(header(message, "f64"), "-0.25");
  EXPECT_EQ(header(message, "time"), "1700000000");
}

TEST(Headers, TextsStayValidHoweverManyThereAre) {
  std::string table;
  for (int i = 0; i < 5'000; ++i) {
    char const boolean[] = {0, AMQP_FIELD_KIND_BOOLEAN, static_cast<char>(i % 2)};
    table.append(boolean, sizeof boolean);
  }
  Inbound message;
  ASSERT_TRUE(take_headers(table, message));
  ASSERT_EQ(message.headers.size(), 5'000u);
  EXPECT_EQ(message.headers.front().value, "false");
  EXPECT_EQ(message.headers.back().value, "true");
}

TEST(Headers, NestedValuesAreLeftOutHoweverDeepTheyAre) {
  // rabbitmq-c 0.11 would recurse through all of them.
  auto table = nested_tables(kMostLevels);
  ASSERT_LT(table.size(), kFrameMax);
  char const after[] = {5, 'a', 'f', 't', 'e', 'r', AMQP_FIELD_KIND_UTF8, 0, 0, 0, 2, 'o', 'k'};
  table.append(after, sizeof after);
  Inbound message;
  ASSERT_TRUE(take_headers(table, message));
  EXPECT_EQ(message.headers.size(), 1u);
  EXPECT_EQ(header(message, "after"), "ok");
}

TEST(Headers, WhatTheBrokerNotesOnTheWayIsLeftOut) {
  std::array entries{entry("x-delivery-count", AMQP_FIELD_KIND_I64), entry("x-first-death-queue", AMQP_FIELD_KIND_UTF8),
                     entry("x-last-death-reason", AMQP_FIELD_KIND_UTF8), entry("x-tenant", AMQP_FIELD_KIND_UTF8)};
  entries[0].value.value.i64 = 3;
  for (auto* each : {&entries[1], &entries[2], &entries[3]}) each->value.value.bytes = to_bytes("text");
  auto const table = encode(amqp_table_t{static_cast<int>(entries.size()), entries.data()});

  Inbound message;
  ASSERT_TRUE(take_headers(table, message));
  EXPECT_EQ(message.headers.size(), 1U);
  EXPECT_EQ(header(message, "x-tenant"), "text");
}

TEST(Headers, ATableThatClaimsMoreThanThereIsIsMalformed) {
  char const longer[] = {1, 'n', AMQP_FIELD_KIND_UTF8, 0, 0, 1, 0, 'x'};
  char const unknown[] = {1, 'n', '?', 0};
  Inbound message;
  EXPECT_FALSE(take_headers({longer, sizeof longer}, message));
  EXPECT_FALSE(take_headers({unknown, sizeof unknown}, message));
  EXPECT_TRUE(message.headers.empty());
}

}  // namespace
}  // namespace fairlead::amqp
