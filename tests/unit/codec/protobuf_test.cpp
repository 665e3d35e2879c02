#include <fairlead/json.hpp>  // both in one translation unit on purpose
#include <fairlead/protobuf.hpp>

#include "order.pb.h"

#include <gtest/gtest.h>

#include <string>

template <>
inline constexpr fairlead::ProtobufOptions fairlead::kProtobufOptions<fairlead_test::LaterOrder>{.max_bytes = 32,
                                                                                                 .max_depth = 1};

namespace fairlead {
namespace {

using fairlead_test::LaterOrder;
using fairlead_test::Order;

static_assert(Encodable<Order> && Codec<Order>::content_type == "application/x-protobuf");

Order order() {
  Order made;
  made.set_id("o1");
  made.add_items()->set_sku("a");
  return made;
}

std::string encoded(Order const& value) {
  std::string payload;
  EXPECT_TRUE(Codec<Order>::encode(value, payload));
  return payload;
}

std::string failure(std::string const& payload) {
  auto const value = Codec<Order>::decode(payload);
  if (value) return "decoded";
  EXPECT_EQ(value.error().code, Errc::kSerialization);
  return value.error().message;
}

Order nested(int levels) {
  Order outer = order();
  Order* inner = &outer;
  for (int i = 0; i < levels; ++i) {
    inner = inner->mutable_parent();
    inner->set_id("p");
  }
  return outer;
}

TEST(ProtobufCodec, WhatIsEncodedDecodesToTheSame) {
  auto const value = Codec<Order>::decode(encoded(order())).value();
  EXPECT_EQ(value.SerializeAsString(), order().SerializeAsString());
}

TEST(ProtobufCodec, EncodingAppends) {
  std::string payload = "before";
  ASSERT_TRUE(Codec<Order>::encode(order(), payload));
  EXPECT_EQ(payload, "before" + order().SerializeAsString());
}

TEST(ProtobufCodec, MissingRequiredFieldsAreNamedInBothDirections) {
  Order incomplete = order();
  incomplete.add_items()->set_quantity(1);
  incomplete.clear_id();
  std::string payload = "kept";
  auto const result = Codec<Order>::encode(incomplete, payload);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("id, items[1].sku"), std::string::npos) << result.error().message;
  EXPECT_EQ(payload, "kept");
  EXPECT_NE(failure(incomplete.SerializePartialAsString()).find("id, items[1].sku"), std::string::npos);
}

TEST(ProtobufCodec, UnknownFieldsAreTolerated) {
  LaterOrder later;
  later.set_id("o2");
  later.set_added("more");
  EXPECT_EQ(Codec<Order>::decode(later.SerializeAsString()).value().id(), "o2");
}

TEST(ProtobufCodec, CutPayloadsAreRefused) {
  auto const payload = encoded(order());
  for (std::size_t size = 0; size < payload.size(); ++size) {
    bool const is_whole = size == 4;  // an order without items
    EXPECT_EQ(failure(payload.substr(0, size)) == "decoded", is_whole) << size;
  }
}

TEST(ProtobufCodec, TrailingGarbageIsRefused) {
  for (std::string const& garbage :
       {std::string("\xff"), std::string(1, '\0'), std::string("\x0c"), std::string("x")}) {
    EXPECT_NE(failure(encoded(order()) + garbage), "decoded");
  }
}

TEST(ProtobufCodec, NestingHasALimitOf100) {
  EXPECT_EQ(failure(encoded(nested(100))), "decoded");
  EXPECT_NE(failure(encoded(nested(101))), "decoded");
}

TEST(ProtobufCodec, SizeHasALimitOf16MiBInBothDirections) {
  Order large = order();
  large.set_id(std::string(std::size_t{16} << 20, 'a'));
  std::string payload;
  EXPECT_FALSE(Codec<Order>::encode(large, payload));
  EXPECT_NE(failure(large.SerializeAsString()).find("over the limit of 16777216"), std::string::npos);
}

TEST(ProtobufCodec, LimitsCanBeSetPerType) {
  LaterOrder later;
  later.set_id(std::string(40, 'a'));
  EXPECT_FALSE(Codec<LaterOrder>::decode(later.SerializeAsString()));
}

TEST(ProtobufCodec, AnEmptyPayloadIsTheEmptyMessage) {
  EXPECT_NE(failure("").find("id"), std::string::npos);  // whose required fields are missing
}

}  // namespace
}  // namespace fairlead
