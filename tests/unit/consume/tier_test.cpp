#include "subscription_rig.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::in;
using test::SubscriptionRig;

/// Two attempts in place, then one after each of the three tiers.
SubscriptionRig::Options with_tiers() {
  SubscriptionRig::Options options;
  options.config.retry = {.max_attempts = 5, .initial = 1ms, .max = 2ms, .multiplier = 1.0, .tiers = {10s, 60s, 600s}};
  options.dead_letter = true;
  return options;
}

/// As it comes back from a tier, or to another group.
SubscriptionRig::Parts copy_after(int attempts, std::string const& group = "billing") {
  return {.key = "k",
          .payload = "p",
          .headers = {{"message-id", "m-1"},
                      {"fairlead-group", group},
                      {"fairlead-attempts", std::to_string(attempts)},
                      {"fairlead-original-partition", "7"},
                      {"fairlead-original-position", "70"}}};
}

class Tiers : public testing::Test {
 protected:
  Handler answering(Outcome const& outcome) {
    return [this, outcome](Delivery const& delivery) {
      std::lock_guard const lock(mutex_);
      attempts_.push_back(delivery.attempt());
      return outcome;
    };
  }
  std::vector<std::uint32_t> attempts() {
    std::lock_guard const lock(mutex_);
    return attempts_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::uint32_t> attempts_;
};

TEST_F(Tiers, AttemptsGoInPlaceThenTierByTierThenToTheDeadLetters) {
  SubscriptionRig rig(with_tiers(), answering(retry("no luck")));
  rig.deliver({copy_after(0)});
  for (std::size_t tier = 0; tier < 3; ++tier) {
    ASSERT_TRUE(eventually([&] { return rig.tiers[tier]->published() == 1; })) << tier;
    auto const copy = rig.tiers[tier]->at(0);
    EXPECT_EQ(copy.headers.get("fairlead-attempts"), std::to_string(tier + 2));
    EXPECT_EQ(copy.id, "m-1");
    EXPECT_EQ(copy.key, "k");
    rig.tiers[tier]->confirm(0);
    ASSERT_TRUE(eventually([&] { return rig.settled() == static_cast<std::int64_t>(tier) + 1; }));
    EXPECT_EQ(rig.stats().delayed, tier + 1);
    EXPECT_EQ(rig.dead_letters->published(), 0U);
    rig.deliver({copy_after(static_cast<int>(tier) + 2)});
  }
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  EXPECT_EQ(attempts(), (std::vector<std::uint32_t>{1, 2, 3, 4, 5}));
  auto const letter = rig.dead_letters->at(0);
  EXPECT_EQ(letter.headers.get("fairlead-attempts"), "5");
  EXPECT_EQ(letter.headers.get("fairlead-original-position"), "70") << "where it was first";
  rig.dead_letters->confirm(0);
  ASSERT_TRUE(eventually([&] { return rig.settled() == 4; }));
  EXPECT_EQ(rig.stats().retried, 1U);
  EXPECT_EQ(rig.stats().dead_lettered, 1U);
}

TEST_F(Tiers, OriginalIsSettledOnlyWhenItsCopyIsConfirmed) {
  SubscriptionRig rig(with_tiers(),
                      [](Delivery const& delivery) { return delivery.key() == "k" ? retry("no luck") : ack(); });
  rig.deliver({copy_after(1)});
  ASSERT_TRUE(eventually([&] { return rig.tiers[0]->published() == 1; }));
  rig.deliver_keys({"another"});
  ASSERT_TRUE(eventually([&] { return rig.stats().handled == 1; })) << "the worker is through with the first one";
  ASSERT_EQ(rig.settled(), 0);
  EXPECT_EQ(rig.stats().delayed, 0U);
  EXPECT_TRUE(eventually([&] { return rig.buffers() == 1; }));
  rig.tiers[0]->confirm(0);
  EXPECT_TRUE(eventually([&] { return rig.settled() == 2; }));
  EXPECT_TRUE(eventually([&] { return rig.buffers() == 0; }));
}

TEST_F(Tiers, CopyThatFailsIsPublishedAgainAndNotHandledAgain) {
  SubscriptionRig rig(with_tiers(), answering(retry("no luck")));
  rig.deliver({copy_after(1)});
  ASSERT_TRUE(eventually([&] { return rig.tiers[0]->published() == 1; }));
  rig.tiers[0]->fail(0);
  ASSERT_TRUE(eventually([&] { return rig.tiers[0]->published() == 2; }));
  EXPECT_EQ(rig.tiers[0]->at(1).headers.get("fairlead-attempts"), "2");
  EXPECT_EQ(rig.settled(), 0);
  rig.tiers[0]->confirm(1);
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(attempts(), std::vector<std::uint32_t>{2});
}

TEST_F(Tiers, CopyThatIsRefusedIsPublishedAgain) {
  SubscriptionRig rig(with_tiers(), answering(retry("no luck")));
  rig.tiers[0]->refuses = true;
  rig.deliver({copy_after(1)});
  ASSERT_TRUE(eventually([&] {
    auto const records = rig.logger->records("handle");
    return !records.empty() && records.back().level == LogLevel::kError;
  }));
  rig.tiers[0]->refuses = false;
  ASSERT_TRUE(eventually([&] { return rig.tiers[0]->published() == 1; }));
  rig.tiers[0]->confirm(0);
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(attempts(), std::vector<std::uint32_t>{2});
  EXPECT_TRUE(eventually([&] { return rig.window->pending() == 0; })) << "no slot of the window is lost";
}

TEST_F(Tiers, DelayThatTheHandlerAskedForSkipsToALongerTier) {
  SubscriptionRig rig(with_tiers(), answering(retry(61s, "closed until noon")));
  rig.deliver({copy_after(1)});
  ASSERT_TRUE(eventually([&] { return rig.tiers[2]->published() == 1; }));
  EXPECT_EQ(rig.tiers[0]->published() + rig.tiers[1]->published(), 0U);
}

TEST_F(Tiers, RejectedMessageSkipsAllTiers) {
  SubscriptionRig rig(with_tiers(), answering(reject("no such account")));
  rig.deliver({copy_after(0)});
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  for (auto const& tier : rig.tiers) EXPECT_EQ(tier->published(), 0U);
  EXPECT_EQ(rig.dead_letters->at(0).headers.get("fairlead-attempts"), "1");
}

TEST_F(Tiers, WhatIsDelayedHoldsUpNoOtherKey) {
  std::atomic<int> others{0};
  SubscriptionRig rig(with_tiers(), [&](Delivery const& delivery) {
    if (delivery.key() == "k") return retry("no luck");
    ++others;
    return ack();
  });
  rig.deliver({copy_after(1), {.key = "other"}});
  ASSERT_TRUE(eventually([&] { return others == 1 && rig.tiers[0]->published() == 1; }));
  rig.tiers[0]->confirm(0);
  EXPECT_TRUE(eventually([&] { return rig.settled() == 2; }));
}

TEST_F(Tiers, DrainWaitsForTheCopiesOnTheirWay) {
  SubscriptionRig rig(with_tiers(), answering(retry("no luck")));
  rig.deliver({copy_after(1)});
  ASSERT_TRUE(eventually([&] { return rig.tiers[0]->published() == 1; }));
  EXPECT_EQ(rig.core->drain(in(10ms)).error().code, Errc::kTimeout);
  rig.tiers[0]->confirm(0);
  EXPECT_TRUE(rig.core->drain(in(30s)));
  EXPECT_EQ(rig.settled(), 1);
}

TEST_F(Tiers, CopyOfALostLaneIsSettledNowhere) {
  SubscriptionRig rig(with_tiers(), answering(retry("no luck")));
  rig.deliver({copy_after(1)});
  ASSERT_TRUE(eventually([&] { return rig.tiers[0]->published() == 1; }));
  rig.intake().lose_lane(SubscriptionRig::kLane);
  rig.tiers[0]->confirm(0);
  EXPECT_TRUE(eventually([&] { return rig.stats().stale == 1; }));
  EXPECT_EQ(rig.settled(), 0);
}

TEST_F(Tiers, EnvelopeOfAnotherGroupDoesNotCount) {
  SubscriptionRig rig(with_tiers(), answering(ack()));
  rig.deliver({copy_after(4, "shipping")});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(attempts(), std::vector<std::uint32_t>{1});
}

TEST_F(Tiers, MessageForAnotherGroupIsSettledUnseen) {
  SubscriptionRig rig(with_tiers(), answering(ack()));
  rig.deliver(
      {{.key = "a", .headers = {{"only-group", "shipping"}}}, {.key = "b", .headers = {{"only-group", "billing"}}}});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 2; }));
  EXPECT_EQ(attempts().size(), 1U);
  EXPECT_EQ(rig.stats().handled, 1U);
  EXPECT_EQ(rig.stats().dropped, 0U);
}

struct FailureCase {
  Outcome outcome;
  char const* code;
  bool is_final;
};

class FailureCodes : public testing::TestWithParam<FailureCase> {};

TEST_P(FailureCodes, AreKeptInTheEnvelope) {
  SubscriptionRig rig(with_tiers(), [](Delivery const&) { return GetParam().outcome; });
  rig.deliver({copy_after(1)});
  auto& sink = GetParam().is_final ? *rig.dead_letters : *rig.tiers[0];
  ASSERT_TRUE(eventually([&] { return sink.published() == 1; }));
  EXPECT_EQ(sink.at(0).headers.get("fairlead-error-code"), GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(Outcomes, FailureCodes,
                         testing::Values(FailureCase{retry("x"), "handler_failed", false},
                                         FailureCase{reject("x"), "rejected", true},
                                         FailureCase{fail({Errc::kSerialization, "x"}), "serialization", true},
                                         FailureCase{fail({Errc::kTimeout, "x", true}), "timeout", false},
                                         FailureCase{fail({Errc::kNotConnected, "x", true}), "not_connected", false},
                                         FailureCase{fail({Errc::kValidation, "x"}), "validation", true}),
                         [](auto const& tried) { return std::string(tried.param.code); });

TEST(FailureCode, OfAHandlerThatThrowsIsHandlerFailed) {
  SubscriptionRig rig(with_tiers(), [](Delivery const&) -> Outcome { throw std::runtime_error("database down"); });
  rig.deliver({copy_after(1)});
  ASSERT_TRUE(eventually([&] { return rig.tiers[0]->published() == 1; }));
  EXPECT_EQ(rig.tiers[0]->at(0).headers.get("fairlead-error-code"), "handler_failed");
  EXPECT_EQ(rig.tiers[0]->at(0).headers.get("fairlead-error"), "database down");
}

}  // namespace
}  // namespace fairlead
