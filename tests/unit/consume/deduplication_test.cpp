#include "hand_driven_store.hpp"
#include "subscription_rig.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gate;
using test::HandDrivenStore;
using test::in;
using test::SubscriptionRig;

SubscriptionRig::Parts with_id(std::string const& id) {
  return {.key = id, .payload = id, .headers = {{"message-id", id}}};
}

class Deduplicating : public testing::Test {
 protected:
  SubscriptionRig::Options options(OnOutage on_outage = OnOutage::kPause) const {
    SubscriptionRig::Options options;
    options.store = store;
    options.config.idempotency.on_outage = on_outage;
    options.config.retry = {.max_attempts = 3, .initial = 1ms, .max = 2ms, .multiplier = 1.0};
    return options;
  }
  Handler counting() {
    return [this](Delivery const&) {
      ++handled;
      return ack();
    };
  }
  static Result<Claim> done() { return Claim{ClaimState::kDone}; }

  std::shared_ptr<HandDrivenStore> store = std::make_shared<HandDrivenStore>();
  std::atomic<int> handled{0};
};

TEST_F(Deduplicating, EffectThatHappenedIsSettledWithoutTheHandler) {
  store->on_claim([](auto const&) { return done(); });
  SubscriptionRig rig(options(), counting());
  rig.deliver({with_id("m-1")});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(rig.stats().duplicates, 1U);
  EXPECT_EQ(rig.stats().handled, 0U);
  auto const records = rig.logger->records("handle");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].level, LogLevel::kInfo);
  EXPECT_EQ(records[0].fields.at("result"), "duplicate");
}

TEST_F(Deduplicating, EffectIsMarkedBeforeItsMessageIsSettled) {
  SubscriptionRig rig(options(), counting());
  store->on_complete([&](auto const&) -> Result<bool> {
    EXPECT_EQ(rig.settled(), 0);
    return true;
  });
  rig.deliver({with_id("m-1")});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(store->calls(), (std::vector<std::string>{"claim m-1", "complete m-1"}));
  EXPECT_EQ(store->owners()[0], store->owners()[1]);
  EXPECT_EQ(store->scope(),
            "shop\x1forders\x1f"
            "billing");
}

TEST_F(Deduplicating, IdempotencyKeyComesBeforeTheMessageId) {
  SubscriptionRig rig(options(), counting());
  rig.deliver({{.key = "a", .headers = {{"message-id", "m-1"}, {"idempotency-key", "order-7"}}}});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(store->calls().front(), "claim order-7");
}

TEST_F(Deduplicating, KeyInProgressElsewhereIsDelayedAndNeverTakenForADuplicate) {
  std::atomic<bool> is_busy{true};
  store->on_claim([&](std::string const& key) -> Result<Claim> {
    if (key == "busy" && is_busy) return Claim{ClaimState::kBusy, 5ms};
    return Claim{ClaimState::kClaimed};
  });
  std::mutex mutex;
  std::vector<std::string> order;
  auto setup = options();
  setup.config.concurrency = 1;
  SubscriptionRig rig(setup, [&](Delivery const& delivery) {
    std::lock_guard const lock(mutex);
    order.emplace_back(delivery.id());
    return ack();
  });
  rig.deliver({{.key = "k", .headers = {{"message-id", "busy"}}},
               {.key = "k", .headers = {{"message-id", "behind"}}},
               {.key = "other", .headers = {{"message-id", "other"}}}});
  ASSERT_TRUE(eventually([&] { return rig.stats().handled == 1 && store->count("claim busy") >= 3; }));
  EXPECT_EQ(rig.settled(), 0);
  EXPECT_EQ(rig.stats().duplicates, 0U);
  EXPECT_EQ(rig.stats().retried, 0U) << "no attempt was made";
  is_busy = false;
  ASSERT_TRUE(eventually([&] { return rig.settled() == 3; }));
  EXPECT_EQ(order, (std::vector<std::string>{"other", "busy", "behind"}));
}

TEST_F(Deduplicating, WithoutItsStoreItHoldsIntakeSaysSoAndResumesByItself) {
  store->on_claim([](auto const&) -> Result<Claim> { return HandDrivenStore::away(); });
  auto setup = options();
  setup.config.concurrency = 4;
  SubscriptionRig rig(setup, counting());
  EXPECT_TRUE(rig.intake().room());
  for (int i = 0; i < 20; ++i) rig.deliver({with_id("m-" + std::to_string(i))});
  ASSERT_TRUE(eventually([&] { return rig.health().state == SubscriptionState::kStoreUnavailable; }));
  EXPECT_FALSE(rig.health().is_healthy());
  ASSERT_TRUE(rig.health().problem);
  EXPECT_EQ(rig.health().problem->message, "the store is away");
  EXPECT_FALSE(rig.intake().room());
  EXPECT_EQ(handled, 0);
  store->is_back();
  ASSERT_TRUE(eventually([&] { return rig.settled() == 20; }));
  EXPECT_EQ(handled, 20);
  EXPECT_TRUE(rig.health().is_healthy()) << "also before the next message comes";
  EXPECT_TRUE(eventually([&] { return rig.journal->room_calls > 0; }));
  EXPECT_TRUE(rig.intake().room());
}

TEST_F(Deduplicating, ProblemOfTheStoreIsNotOverBecauseAMessageComes) {
  Gate second;
  std::atomic<int> claims{0};
  store->on_claim([&, second](auto const&) -> Result<Claim> {
    if (++claims == 2) second.wait();
    return HandDrivenStore::away();
  });
  auto setup = options();
  setup.config.concurrency = 1;
  SubscriptionRig rig(setup, counting());
  rig.deliver({with_id("m-1")});
  ASSERT_TRUE(eventually([&] { return claims == 2; }));
  rig.deliver({with_id("m-2")});
  EXPECT_TRUE(rig.health().problem);
  second.open();
  store->is_back();
  ASSERT_TRUE(eventually([&] { return handled == 2; }));
  EXPECT_TRUE(eventually([&] { return !rig.health().problem; }));
}

TEST_F(Deduplicating, StoreThatIsAwayIsStillProbedWhenEverythingTakenInIsLost) {
  store->on_claim([](auto const&) -> Result<Claim> { return HandDrivenStore::away(); });
  SubscriptionRig rig(options(), counting());
  rig.deliver({with_id("m-1"), with_id("m-2")});
  ASSERT_TRUE(eventually([&] { return rig.health().state == SubscriptionState::kStoreUnavailable; }));
  EXPECT_FALSE(rig.intake().room());
  rig.intake().lose_lane(SubscriptionRig::kLane);
  Lane const next{0, 2};
  rig.intake().open_lane(next);
  EXPECT_TRUE(eventually([&] { return rig.journal->room_calls > 0; })) << "the source is called";
  EXPECT_TRUE(eventually([&] { return rig.intake().room().messages == 1; })) << "for one message";
  store->is_back();
  rig.deliver({with_id("m-1")}, next);
  EXPECT_TRUE(eventually([&] { return rig.health().state == SubscriptionState::kRunning; }));
  EXPECT_TRUE(eventually([&] { return handled == 1; }));
}

TEST_F(Deduplicating, StoreThatIsBackIsUsedWhileTheProbesHandlerStillRuns) {
  store->on_claim([](auto const&) -> Result<Claim> { return HandDrivenStore::away(); });
  auto setup = options();
  setup.config.concurrency = 2;
  Gate gate;
  std::atomic<int> begun{0};
  SubscriptionRig rig(setup, [&, gate](Delivery const&) {
    if (++begun == 1) gate.wait();
    return ack();
  });
  for (int i = 0; i < 5; ++i) rig.deliver({with_id("m-" + std::to_string(i))});
  ASSERT_TRUE(eventually([&] { return rig.health().state == SubscriptionState::kStoreUnavailable; }));
  store->is_back();
  EXPECT_TRUE(eventually([&] { return rig.stats().handled == 4; }, 20s));
  gate.open();
  EXPECT_TRUE(eventually([&] { return rig.settled() == 5; }));
}

TEST_F(Deduplicating, MessageWithoutAKeySaysNothingAboutTheStore) {
  store->on_claim([](auto const&) -> Result<Claim> { return HandDrivenStore::away(); });
  SubscriptionRig rig(options(), counting());
  rig.deliver({with_id("m-1"), with_id("m-2")});
  ASSERT_TRUE(eventually([&] { return rig.health().state == SubscriptionState::kStoreUnavailable; }));
  rig.deliver(std::vector<SubscriptionRig::Parts>(5));
  std::atomic<bool> was_running{false};
  ASSERT_TRUE(eventually([&] {
    if (rig.health().state == SubscriptionState::kRunning) was_running = true;
    return handled == 5;
  }));
  EXPECT_LE(rig.logger->records("subscription").size(), 1U) << "its state has not changed again";
  EXPECT_FALSE(was_running);
  store->is_back();
  EXPECT_TRUE(eventually([&] { return rig.settled() == 7; }));
}

TEST_F(Deduplicating, WithoutItsStoreItMayGoOnWhenThatIsAskedFor) {
  store->on_claim([](auto const&) -> Result<Claim> { return HandDrivenStore::away(); });
  SubscriptionRig rig(options(OnOutage::kPass), counting());
  for (int i = 0; i < 20; ++i) rig.deliver({with_id("m-" + std::to_string(i))});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 20; }));
  EXPECT_EQ(handled, 20);
  EXPECT_EQ(rig.health().state, SubscriptionState::kRunning);
  EXPECT_TRUE(rig.health().problem);
  EXPECT_LT(store->calls().size(), 20U) << "an outage does not cost every message a call";
}

TEST_F(Deduplicating, MessageWhoseMarkFailsIsNotHandledAgainAndSettledAfterTheMark) {
  std::atomic<int> refused{0};
  store->on_complete([&](auto const&) -> Result<bool> {
    ++refused;
    return HandDrivenStore::away();
  });
  SubscriptionRig rig(options(), counting());
  rig.deliver({with_id("m-1"), {.key = "m-1", .headers = {{"message-id", "m-2"}}}});
  ASSERT_TRUE(eventually([&] { return refused >= 3; }));
  EXPECT_EQ(rig.settled(), 0);
  EXPECT_EQ(handled, 1) << "its key waits";
  EXPECT_EQ(rig.stats().handled, 0U);
  store->is_back();
  ASSERT_TRUE(eventually([&] { return rig.settled() == 2; }));
  EXPECT_EQ(handled, 2);
  EXPECT_EQ(store->count("claim m-1"), 1U);
}

TEST_F(Deduplicating, MarkThatFailsIsGivenUpWhenTheStoreMayBeDoneWithout) {
  store->on_complete([](auto const&) -> Result<bool> { return HandDrivenStore::away(); });
  SubscriptionRig rig(options(OnOutage::kPass), counting());
  rig.deliver({with_id("m-1")});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(handled, 1);
}

TEST_F(Deduplicating, LeaseThatHadEndedIsLogged) {
  store->on_complete([](auto const&) -> Result<bool> { return false; });
  SubscriptionRig rig(options(), counting());
  rig.deliver({with_id("m-1")});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  auto const records = rig.logger->records("handle");
  EXPECT_TRUE(std::any_of(records.begin(), records.end(), [](auto const& record) {
    return record.level == LogLevel::kWarn && record.text.find("lease") != std::string::npos;
  }));
}

TEST_F(Deduplicating, FailureReleasesTheKeySoThatTheNextAttemptGetsIt) {
  SubscriptionRig rig(options(), [&](Delivery const& delivery) {
    ++handled;
    return delivery.attempt() < 3 ? retry("not yet") : ack();
  });
  rig.deliver({with_id("m-1")});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(store->calls(), (std::vector<std::string>{"claim m-1", "release m-1", "claim m-1", "release m-1",
                                                      "claim m-1", "complete m-1"}));
  auto const owners = store->owners();
  EXPECT_EQ(owners[0], owners[1]);
  EXPECT_NE(owners[1], owners[2]) << "every handling is an owner of its own";
}

TEST_F(Deduplicating, DeadLetterHasReleasedItsKey) {
  auto setup = options();
  setup.dead_letter = true;
  SubscriptionRig rig(setup, [](Delivery const&) { return reject("no"); });
  rig.deliver({with_id("m-1")});
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  EXPECT_EQ(store->calls(), (std::vector<std::string>{"claim m-1", "release m-1"}));
}

TEST_F(Deduplicating, ClaimThatMayStandAlthoughNoAnswerCameIsGivenBack) {
  std::atomic<int> asked{0};
  store->on_claim([&](auto const&) -> Result<Claim> {
    if (++asked == 1) return Error{Errc::kTimeout, "no answer", true, true};
    return Claim{ClaimState::kClaimed};
  });
  SubscriptionRig rig(options(), counting());
  rig.deliver({with_id("m-1")});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(store->calls()[1], "release m-1");
  EXPECT_EQ(store->owners()[0], store->owners()[1]);
}

TEST_F(Deduplicating, StoreThatThrowsIsAway) {
  store->on_claim([](std::string const& key) -> Result<Claim> {
    if (key == "m-2") throw 42;
    throw std::runtime_error("disk full");
  });
  SubscriptionRig rig(options(), counting());
  rig.deliver({with_id("m-1"), with_id("m-2")});
  ASSERT_TRUE(eventually([&] { return rig.health().state == SubscriptionState::kStoreUnavailable; }));
  EXPECT_EQ(handled, 0);
  store->is_back();
  EXPECT_TRUE(eventually([&] { return rig.settled() == 2; }));
}

TEST_F(Deduplicating, MessageWithoutIdAndKeyIsHandledAndClaimsNothing) {
  SubscriptionRig rig(options(), counting());
  rig.deliver_keys({"a", "b"});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 2; }));
  EXPECT_EQ(handled, 2);
  EXPECT_TRUE(store->calls().empty());
}

TEST_F(Deduplicating, DrainIsBoundedWhileTheStoreIsAway) {
  store->on_claim([](auto const&) -> Result<Claim> { return HandDrivenStore::away(); });
  SubscriptionRig rig(options(), counting());
  rig.deliver({with_id("m-1"), with_id("m-2")});
  ASSERT_TRUE(eventually([&] { return rig.health().state == SubscriptionState::kStoreUnavailable; }));
  EXPECT_TRUE(rig.core->drain(in(30s))) << "what was not begun goes back to the broker";
  EXPECT_EQ(rig.settled(), 0);
  EXPECT_EQ(rig.buffers(), 0);
}

TEST(DeduplicationScope, NamesServiceDestinationAndGroup) {
  EXPECT_NE(Deduplicator::scope_of("a", "b", "c"), Deduplicator::scope_of("a", "b", "d"));
  EXPECT_NE(Deduplicator::scope_of("a", "bc", "d"), Deduplicator::scope_of("ab", "c", "d"));
  EXPECT_NE(Deduplicator::scope_of("a", "b", "cd"), Deduplicator::scope_of("a", "bc", "d"));
}

}  // namespace
}  // namespace fairlead
