#include "subscription_rig.hpp"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

using test::eventually;
using test::Gate;
using test::SubscriptionRig;

TEST(Intake, HandsOutRoomUpToMaxInFlightAndCallsTheSourceWhenAQuarterIsFree) {
  Gate gate;
  SubscriptionRig::Options options;
  options.config.max_in_flight = 8;
  SubscriptionRig rig(options, [gate](Delivery const&) {
    gate.wait();
    return ack();
  });
  EXPECT_EQ(rig.intake().room().messages, 8U);
  rig.deliver(std::vector<SubscriptionRig::Parts>(8));
  EXPECT_FALSE(rig.intake().room());
  EXPECT_EQ(rig.journal->room_calls, 0);
  gate.open();
  ASSERT_TRUE(eventually([&] { return rig.settled() == 8; }));
  EXPECT_TRUE(eventually([&] { return rig.journal->room_calls == 1; }));
  EXPECT_EQ(rig.intake().room().messages, 8U);
}

TEST(Intake, BoundsTheBytesOfWhatIsHeld) {
  Gate gate;
  SubscriptionRig::Options options;
  options.config.max_in_flight_bytes = 1000;
  SubscriptionRig rig(options, [gate](Delivery const&) {
    gate.wait();
    return ack();
  });
  rig.deliver({{.key = "k", .payload = std::string(600, 'x')}});
  EXPECT_EQ(rig.intake().room().bytes, 399U);
  rig.deliver({{.key = "k", .payload = std::string(600, 'x')}});
  EXPECT_FALSE(rig.intake().room());
  gate.open();
  EXPECT_TRUE(eventually([&] { return rig.journal->room_calls == 1; }));
  ASSERT_TRUE(eventually([&] { return rig.settled() == 2; }));
  EXPECT_EQ(rig.intake().room().bytes, 1000U);
}

TEST(Intake, ReleasesABufferAsSoonAsItsMessageIsHandled) {
  SubscriptionRig rig({}, [](Delivery const&) { return ack(); });
  rig.deliver(std::vector<SubscriptionRig::Parts>(100));
  EXPECT_TRUE(eventually([&] { return rig.buffers() == 0; }));
}

TEST(Intake, CountsWhatTheBrokerRedelivers) {
  SubscriptionRig rig({}, [](Delivery const& delivery) {
    EXPECT_TRUE(delivery.redelivered());
    return ack();
  });
  Inbound& message = rig.intake().acquire();
  message.lane = SubscriptionRig::kLane;
  message.position = 1;
  message.redelivered = true;
  InboundList batch;
  batch.push(message);
  rig.intake().deliver(batch);
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(rig.stats().redelivered, 1U);
}

TEST(Intake, DiscardedNodeIsUsedAgain) {
  SubscriptionRig rig({}, [](Delivery const&) { return ack(); });
  for (int i = 0; i < 1000; ++i) {
    Inbound& message = rig.intake().acquire();
    message.payload = "half";
    rig.intake().discard(message);
  }
  rig.deliver_keys({"a"});
  EXPECT_TRUE(eventually([&] { return rig.settled() == 1; }));
}

TEST(Intake, WhatTheSourceReportsIsLogged) {
  SubscriptionRig rig({}, [](Delivery const&) { return ack(); });
  rig.intake().report(Error{Errc::kConnectionLost, "the queue was deleted"});
  auto const records = rig.logger->records("subscription");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].fields.at("error"), "the queue was deleted");
}

}  // namespace
}  // namespace fairlead
