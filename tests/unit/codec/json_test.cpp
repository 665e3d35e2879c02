#include <fairlead/json.hpp>

#include <gtest/gtest.h>

#include <pthread.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace json_test {

struct Item {
  std::string sku;
  int quantity = 0;
  double price = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Item, sku, quantity, price)

struct Order {
  std::string id;
  std::uint32_t number = 0;
  std::uint8_t priority = 0;
  bool urgent = false;
  std::vector<Item> items;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, id, number, priority, urgent, items)

struct Small {
  int x = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Small, x)

}  // namespace json_test

template <>
inline constexpr fairlead::JsonOptions fairlead::kJsonOptions<json_test::Small>{.max_bytes = 16, .max_depth = 2};

namespace fairlead {
namespace {

using json_test::Item;
using json_test::Order;
using json_test::Small;
using nlohmann::json;

json valid() {
  return json::parse(R"({"id":"o1","number":7,"priority":3,"urgent":true,
                         "items":[{"sku":"a","quantity":1,"price":9.5},{"sku":"b","quantity":2,"price":1}]})");
}

template <class T>
std::string failure(std::string const& payload) {
  auto const value = Codec<T>::decode(payload);
  if (value) return "decoded";
  EXPECT_EQ(value.error().code, Errc::kSerialization);
  return value.error().message;
}

/// What decoding says when one place of a valid order holds something else.
std::string with(std::string const& path, json const& value) {
  auto document = valid();
  document[json::json_pointer(path)] = value;
  return failure<Order>(document.dump());
}
std::string without(std::string const& parent, std::string const& name) {
  auto document = valid();
  document[json::json_pointer(parent)].erase(name);
  return failure<Order>(document.dump());
}

TEST(JsonCodec, WhatIsEncodedDecodesToTheSame) {
  auto const order = Codec<Order>::decode(valid().dump()).value();
  std::string payload;
  ASSERT_TRUE(Codec<Order>::encode(order, payload));
  EXPECT_EQ(json::parse(payload), valid());
  EXPECT_EQ(Codec<Order>::content_type, "application/json");
}

TEST(JsonCodec, EncodingAppends) {
  std::string payload = "before";
  ASSERT_TRUE(Codec<Small>::encode({5}, payload));
  EXPECT_EQ(payload, R"(before{"x":5})");
}

TEST(JsonCodec, UnknownMembersAreTolerated) {
  EXPECT_EQ(with("/added", {{"any", {1, 2}}}), "decoded");
  EXPECT_EQ(with("/items/1/added", "x"), "decoded");
}

TEST(JsonCodec, AMissingMemberIsNamedByItsPath) {
  EXPECT_EQ(without("", "id"), "JSON: /id is missing");
  EXPECT_EQ(without("", "items"), "JSON: /items is missing");
  EXPECT_EQ(without("/items/0", "price"), "JSON: /items/0/price is missing");
  EXPECT_EQ(without("/items/1", "sku"), "JSON: /items/1/sku is missing");
}

TEST(JsonCodec, AMistypedMemberIsNamedByItsPath) {
  EXPECT_EQ(with("/items/1/price", "x"), "JSON: /items/1/price: type must be number, but is string");
  EXPECT_EQ(with("/items/0/sku", 1), "JSON: /items/0/sku: type must be string, but is number");
  EXPECT_EQ(with("/urgent", "yes"), "JSON: /urgent: type must be boolean, but is string");
  EXPECT_EQ(with("/items", 1), "JSON: /items: type must be array, but is number");
  EXPECT_EQ(with("/number", nullptr), "JSON: /number: type must be number, but is null");
  EXPECT_NE(with("/items/1", "x").find("/items/1: "), std::string::npos);
}

TEST(JsonCodec, TheFirstOfSeveralFaultsIsNamed) {
  auto document = valid();
  for (auto& item : document["items"]) item["price"] = "x";
  EXPECT_EQ(failure<Order>(document.dump()), "JSON: /items/0/price: type must be number, but is string");
}

TEST(JsonCodec, AFaultFarDownALongArrayIsFound) {
  auto document = valid();
  for (int i = 0; i < 5'000; ++i) document["items"].push_back({{"sku", "s"}, {"quantity", 1}, {"price", 2}});
  document["items"][4'321].erase("price");
  EXPECT_EQ(failure<Order>(document.dump()), "JSON: /items/4321/price is missing");
}

TEST(JsonCodec, AWrongRootIsNamedToo) {
  EXPECT_NE(failure<Order>("[]").find("/: "), std::string::npos) << failure<Order>("[]");
  EXPECT_NE(failure<std::vector<int>>("{}").find("/: "), std::string::npos);
  EXPECT_EQ(failure<int>("1.5"), "JSON: / does not fit the type that it is read into");
}

TEST(JsonCodec, PathsOfHostileNamesAreEscapedAndShort) {
  EXPECT_EQ((failure<std::map<std::string, int>>(R"({"a":1,"b/~c":"x","d":2})")),
            "JSON: /b~1~0c: type must be number, but is string");
  auto const message = failure<std::map<std::string, int>>(R"({")" + std::string(100'000, 'k') + R"(":"x"})");
  EXPECT_LT(message.size(), 200U);
}

TEST(JsonCodec, NoNumberIsNarrowedSilently) {
  std::string const refused = " does not fit the type that it is read into";
  EXPECT_EQ(with("/items/0/quantity", 1.5), "JSON: /items/0/quantity" + refused);
  EXPECT_EQ(with("/number", -1), "JSON: /number" + refused);
  EXPECT_EQ(with("/priority", 300), "JSON: /priority" + refused);
  EXPECT_EQ(with("/priority", 256), "JSON: /priority" + refused);
  EXPECT_EQ(with("/number", 4'294'967'296), "JSON: /number" + refused);
  EXPECT_EQ(with("/items/1/quantity", 3'000'000'000), "JSON: /items/1/quantity" + refused);
  EXPECT_EQ(with("/number", true), "JSON: /number" + refused);
  EXPECT_EQ(with("/items/0/quantity", 1e30), "JSON: /items/0/quantity" + refused);
}

TEST(JsonCodec, NumbersThatFitDecodeInAnySpelling) {
  EXPECT_EQ(with("/items/0/quantity", 1.0), "decoded");
  EXPECT_EQ(with("/items/0/quantity", -2'147'483'648), "decoded");
  EXPECT_EQ(with("/number", 4'294'967'295), "decoded");
  EXPECT_EQ(with("/items/0/price", 3), "decoded");
  EXPECT_EQ(with("/items/0/price", 0.1), "decoded");
  EXPECT_EQ(with("/items/0/price", -0.0), "decoded");
}

TEST(JsonCodec, WhatIsNotJsonIsRefused) {
  for (std::string const payload : {"", " ", "{", R"({"x":1} x)", R"({"x":1}{"x":1})", "{'x':1}", R"({"x":NaN})",
                                    R"({"x":1e999})", R"({"x":01})", "nul", "\xff", "{\"x\":1,}"}) {
    EXPECT_NE(failure<Small>(payload), "decoded") << payload;
  }
}

TEST(JsonCodec, InvalidUtf8IsRefusedInBothDirections) {
  EXPECT_NE(failure<std::string>("\"a\xff\""), "decoded");
  std::string payload;
  auto const encoded = Codec<std::string>::encode("a\xff", payload);
  ASSERT_FALSE(encoded);
  EXPECT_EQ(encoded.error().code, Errc::kSerialization);
  EXPECT_EQ(payload, "");
}

TEST(JsonCodec, AMemberThatIsThereTwiceIsRefused) {
  EXPECT_EQ(failure<Small>(R"({"x":1,"x":2})"), "JSON: /x is there twice in one object");
}

TEST(JsonCodec, ErrorsDoNotQuoteThePayload) {
  EXPECT_EQ(failure<Small>(R"({"x":"canary")").find("canary"), std::string::npos);
  EXPECT_EQ(failure<Small>(R"({"x":canary})").find("canary"), std::string::npos);
  EXPECT_EQ(failure<Small>("\"canary").find("canary"), std::string::npos);
}

TEST(JsonCodec, NumbersThatJsonDoesNotKnowAreRefusedWhenEncoding) {
  for (double const value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Order order;
    order.items.resize(2);
    order.items[1].price = value;
    std::string payload;
    auto const encoded = Codec<Order>::encode(order, payload);
    ASSERT_FALSE(encoded);
    EXPECT_EQ(encoded.error().message, "JSON: /items/1/price is not a finite number");
    EXPECT_EQ(payload, "");
  }
}

TEST(JsonCodec, TheDefaultDepthIs64) {
  auto const nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(failure<json>(nested(64)), "decoded");
  EXPECT_EQ(failure<json>(nested(65)), "JSON: nested deeper than 64 levels");
  json document = json::parse(nested(65));
  std::string payload;
  EXPECT_FALSE(Codec<json>::encode(document, payload));
  EXPECT_TRUE(Codec<json>::encode(json::parse(nested(64)), payload));
}

TEST(JsonCodec, AnAbsurdDepthNeedsNoStack) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  pthread_t thread{};
  auto const body = [](void*) -> void* {
    static std::string const kObjects = [] {
      std::string text;
      for (int i = 0; i < 100'000; ++i) text += R"({"a":)";
      return text;
    }();
    EXPECT_EQ(failure<json>(std::string(100'000, '[')), "JSON: nested deeper than 64 levels");
    EXPECT_EQ(failure<json>(kObjects), "JSON: nested deeper than 64 levels");
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, body, nullptr), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(JsonCodec, TheSizeIsCheckedBeforeParsing) {
  std::size_t const limit = std::size_t{16} << 20;
  EXPECT_EQ(failure<json>('"' + std::string(limit - 2, 'a') + '"'), "decoded");
  EXPECT_NE(failure<json>('"' + std::string(limit - 1, 'a') + '"').find("over the limit"), std::string::npos);
}

TEST(JsonCodec, LimitsCanBeSetPerType) {
  EXPECT_EQ(failure<Small>(R"({"x":1})"), "decoded");
  EXPECT_NE(failure<Small>(R"({"x":1,"yyyyyy":1})").find("over the limit of 16"), std::string::npos);
  EXPECT_EQ(failure<Small>(R"({"x":[[1]]})"), "JSON: nested deeper than 2 levels");
}

}  // namespace
}  // namespace fairlead
