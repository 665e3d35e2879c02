#include "consume/inbound.hpp"

#include <fairlead/delivery.hpp>

#include <gtest/gtest.h>

namespace fairlead {
namespace {

TEST(Inbound, ReservedHeadersBecomeProperties) {
  Inbound message;
  message.take_header("message-id", "m-1");
  message.take_header("content-type", "text/plain");
  message.take_header("message-key", "k");
  message.take_header("routing-key", "eu.new");
  message.take_header("idempotency-key", "order-7");
  message.take_header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  message.take_header("expires-at", "1700000000123");
  message.take_header("colour", "blue");
  Delivery const delivery(message);
  EXPECT_EQ(delivery.id(), "m-1");
  EXPECT_EQ(delivery.content_type(), "text/plain");
  EXPECT_EQ(delivery.key(), "k");
  EXPECT_EQ(delivery.routing_key(), "eu.new");
  EXPECT_EQ(delivery.idempotency_key(), "order-7");
  EXPECT_EQ(delivery.traceparent(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(message.expires_at_ms, 1700000000123);
  ASSERT_EQ(delivery.headers().size(), 1U);
  EXPECT_EQ(delivery.header("colour"), "blue");
  EXPECT_EQ(delivery.header("message-id"), std::nullopt);
}

TEST(Inbound, MalformedReservedValuesAreIgnored) {
  for (auto const* const expiry : {"", "soon", "12x", "-5", "99999999999999999999999"}) {
    Inbound message;
    message.take_header("expires-at", expiry);
    EXPECT_EQ(message.expires_at_ms, 0) << expiry;
  }
  Inbound message;
  message.take_header("traceparent", "not a trace");
  EXPECT_TRUE(message.traceparent.empty());
}

TEST(Inbound, IdempotencyKeyDefaultsToTheMessageId) {
  Inbound message;
  message.id = "m-1";
  EXPECT_EQ(Delivery(message).idempotency_key(), "m-1");
}

TEST(Inbound, ClearReleasesTheBufferOnceAndKeepsNothingOfTheMessage) {
  Inbound message;
  int released = 0;
  message.buffer = BufferRef(&released, [](void* count) noexcept { ++*static_cast<int*>(count); });
  message.payload = "p";
  message.key = "k";
  message.take_header("colour", "blue");
  message.trace = "t";
  message.last_error = "e";
  message.attempt = 4;
  message.step = Step::kForward;
  message.redelivered = true;
  message.expires_at_ms = 1;
  message.clear();
  EXPECT_EQ(released, 1);
  message.clear();
  EXPECT_EQ(released, 1);
  Delivery const delivery(message);
  EXPECT_TRUE(delivery.payload().empty());
  EXPECT_TRUE(delivery.key().empty());
  EXPECT_TRUE(delivery.headers().empty());
  EXPECT_TRUE(delivery.traceparent().empty());
  EXPECT_EQ(delivery.attempt(), 1U);
  EXPECT_FALSE(delivery.redelivered());
  EXPECT_EQ(message.step, Step::kHandle);
  EXPECT_TRUE(message.last_error.empty());
  EXPECT_EQ(message.expires_at_ms, 0);
}

TEST(Inbound, LargeScratchIsNotKeptForEver) {
  Inbound message;
  message.scratch.assign(std::size_t{1} << 20, 'x');
  message.clear();
  EXPECT_LT(message.scratch.capacity(), std::size_t{1} << 17);
  message.scratch.assign(1000, 'x');
  message.clear();
  EXPECT_GE(message.scratch.capacity(), 1000U);
}

}  // namespace
}  // namespace fairlead
