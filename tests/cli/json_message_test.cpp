#include "cli/json_message.hpp"

#include "consume/inbound.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace fairlead::cli {
namespace {

using nlohmann::json;

Inbound inbound() {
  Inbound message;
  message.payload = "hello";
  message.key = "k";
  message.id = "id-1";
  message.partition = 3;
  message.position = 42;
  message.timestamp_ms = 1'700'000'000'123;
  message.headers = {{"n", "v"}};
  return message;
}

std::string refusal(std::string const& line) {
  auto const message = from_json_line(line, {});
  return message ? "accepted" : message.error().message;
}

TEST(JsonMessage, HasItsMembersInAFixedOrder) {
  EXPECT_EQ(to_json_line(Delivery(inbound())),
            R"({"key":"k","headers":{"n":"v"},"payload":"hello","id":"id-1","partition":3,"position":42,"attempt":1,)"
            R"("timestamp":1700000000123})");
}

TEST(JsonMessage, BytesThatAreNotUtf8AreBase64) {
  auto message = inbound();
  message.payload = std::string_view("\xff\x00", 2);
  message.key = "\xfe";
  message.headers = {{"n", "\xfd"}};
  auto const line = json::parse(to_json_line(Delivery(message)));
  EXPECT_EQ(line["payload"], "/wA=");
  EXPECT_EQ(line["encoding"], "base64");
  EXPECT_EQ(line["key"], (json{{"base64", "/g=="}}));
  EXPECT_EQ(line["headers"]["n"], (json{{"base64", "/Q=="}}));
}

TEST(JsonMessage, IsOneLineWhateverThePayload) {
  auto message = inbound();
  message.payload = "a\nb\r\n\"c\"";
  auto const line = to_json_line(Delivery(message));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(json::parse(line)["payload"], "a\nb\r\n\"c\"");
}

TEST(JsonMessage, WhatIsConsumedCanBePublished) {
  auto delivered = inbound();
  std::string const bytes("\x00\xff\n", 3);
  delivered.payload = bytes;
  delivered.key = bytes;
  delivered.headers = {{"binary", bytes}, {"text", "v"}};
  auto const message = from_json_line(to_json_line(Delivery(delivered)), {}).value();
  EXPECT_EQ(message.payload, bytes);
  EXPECT_EQ(message.key, bytes);
  EXPECT_EQ(message.id, "id-1");
  EXPECT_EQ(message.headers, (Headers{{"binary", bytes}, {"text", "v"}}));
}

TEST(JsonMessage, TheLineGoesBeforeTheCommandLine) {
  Message common;
  common.key = "common";
  common.headers = {{"a", "common"}, {"b", "common"}};
  auto const message = from_json_line(R"({"payload":"p","headers":{"a":"own"},"routing_key":"r.k"})", common).value();
  EXPECT_EQ(message.key, "common");
  EXPECT_EQ(message.routing_key, "r.k");
  EXPECT_EQ(message.headers, (Headers{{"a", "own"}, {"b", "common"}}));
}

TEST(JsonMessage, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(refusal("{"), "not a JSON object");
  EXPECT_EQ(refusal("[]"), "not a JSON object");
  EXPECT_EQ(refusal("{}"), "payload is missing");
  EXPECT_EQ(refusal(R"({"payload":1})"), R"(payload must be a string or {"base64":...})");
  EXPECT_EQ(refusal(R"({"payload":"p","paylod":"q"})"), "unknown member paylod");
  EXPECT_EQ(refusal(R"({"payload":"p","headers":[]})"), "headers must be an object");
  EXPECT_EQ(refusal(R"({"payload":"p","headers":{"n":1}})"), R"(headers.n must be a string or {"base64":...})");
  EXPECT_EQ(refusal(R"({"payload":"!","encoding":"base64"})"), "payload is not base64");
  EXPECT_EQ(refusal(R"({"payload":"p","encoding":"rot13"})"), "encoding must be base64");
  EXPECT_EQ(refusal(R"({"payload":"p","key":{"base64":"!"}})"), R"(key must be a string or {"base64":...})");
  EXPECT_EQ(refusal(R"({"payload":"p","key":null,"headers":null})"), "accepted");
}

}  // namespace
}  // namespace fairlead::cli
