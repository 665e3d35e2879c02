#include "hand_driven_store.hpp"
#include "subscription_rig.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <stop_token>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gate;
using test::in;
using test::SubscriptionRig;
using Outcomes = std::vector<Outcome>;

class Batches : public testing::Test {
 protected:
  Batches() {
    options.config.batch = {.messages = 3, .wait = 1h};
    options.config.retry = {.max_attempts = 2, .initial = 1ms, .max = 2ms, .multiplier = 1.0};
    options.dead_letter = true;
    options.batch_handler = [this](DeliveryBatch const& batch) {
      record(batch);
      return Outcomes(batch.size());
    };
  }
  void record(DeliveryBatch const& batch) {
    std::vector<std::string> payloads;
    for (auto const& delivery : batch) payloads.emplace_back(delivery.payload());
    {
      std::lock_guard const lock(mutex_);
      batches_.push_back(std::move(payloads));
    }
    test::something_changed();
  }
  std::vector<std::vector<std::string>> batches() {
    std::lock_guard const lock(mutex_);
    return batches_;
  }
  static std::vector<SubscriptionRig::Parts> messages(std::vector<std::string> const& payloads) {
    std::vector<SubscriptionRig::Parts> all;
    for (auto const& payload : payloads) all.push_back({.key = payload, .payload = payload});
    return all;
  }

  SubscriptionRig::Options options;

 private:
  std::mutex mutex_;
  std::vector<std::vector<std::string>> batches_;
};

TEST_F(Batches, BeginWhenTheyAreFull) {
  SubscriptionRig rig(options, {});
  rig.deliver(messages({"a", "b", "c", "d", "e", "f", "g"}));
  ASSERT_TRUE(eventually([&] { return rig.settled() == 6; }));
  EXPECT_EQ(batches(), (std::vector<std::vector<std::string>>{{"a", "b", "c"}, {"d", "e", "f"}}));
  EXPECT_EQ(rig.stats().handled, 6U);
}

TEST_F(Batches, BeginWhenTheirFirstMessageHasWaited) {
  options.config.batch.wait = 20ms;
  SubscriptionRig rig(options, {});
  rig.deliver(messages({"a", "b"}));
  ASSERT_TRUE(eventually([&] { return rig.settled() == 2; }));
  EXPECT_EQ(batches(), (std::vector<std::vector<std::string>>{{"a", "b"}}));
}

TEST_F(Batches, EachMessageHasItsOwnOutcome) {
  std::atomic<bool> is_first{true};
  options.config.batch.wait = 5ms;
  options.batch_handler = [&](DeliveryBatch const& batch) {
    record(batch);
    if (!is_first.exchange(false)) return Outcomes(batch.size());
    return Outcomes{ack(), retry("not yet"), reject("never")};
  };
  SubscriptionRig rig(options, {});
  rig.deliver(messages({"a", "b", "c"}));
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  EXPECT_EQ(rig.dead_letters->at(0).payload, "c");
  rig.dead_letters->confirm(0);
  ASSERT_TRUE(eventually([&] { return rig.settled() == 3; }));
  EXPECT_EQ(batches(), (std::vector<std::vector<std::string>>{{"a", "b", "c"}, {"b"}}));
  EXPECT_EQ(rig.stats().handled, 2U);
  EXPECT_EQ(rig.stats().retried, 1U);
}

TEST_F(Batches, WrongNumberOfOutcomesFailsAllOfThem) {
  options.config.retry.max_attempts = 1;
  options.batch_handler = [](DeliveryBatch const&) { return Outcomes(2); };
  SubscriptionRig rig(options, {});
  rig.deliver(messages({"a", "b", "c"}));
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 3; }));
  EXPECT_EQ(rig.dead_letters->at(0).headers.get("fairlead-error"),
            "the batch handler answered with 2 outcomes for 3 messages");
  EXPECT_EQ(rig.stats().handled, 0U);
}

TEST_F(Batches, HandlerThatThrowsFailsAllOfThem) {
  std::atomic<int> calls{0};
  options.batch_handler = [&](DeliveryBatch const&) -> Outcomes {
    if (++calls == 1) throw std::runtime_error("database down");
    throw 42;
  };
  options.config.batch.wait = 5ms;
  SubscriptionRig rig(options, {});
  rig.deliver(messages({"a", "b", "c"}));
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 3; }));
  EXPECT_GE(rig.stats().retried, 3U);
  EXPECT_EQ(rig.dead_letters->at(0).headers.get("fairlead-attempts"), "2");
}

TEST_F(Batches, TimeoutBoundsTheWholeBatch) {
  options.config.timeout = 20ms;
  options.config.retry.max_attempts = 1;
  options.batch_handler = [](DeliveryBatch const& batch) {
    Gate const stopped;
    std::stop_callback const asked(batch[0].stop_token(), [stopped] { stopped.open(); });
    EXPECT_TRUE(stopped.wait());
    Outcomes outcomes(batch.size());
    outcomes.back() = reject("never");
    return outcomes;
  };
  SubscriptionRig rig(options, {});
  rig.deliver(messages({"a", "b", "c"}));
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 3; }));
  EXPECT_EQ(rig.dead_letters->at(0).headers.get("fairlead-error-code"), "timeout");
  EXPECT_EQ(rig.dead_letters->at(1).headers.get("fairlead-error-code"), "timeout");
  EXPECT_EQ(rig.dead_letters->at(2).headers.get("fairlead-error-code"), "rejected");
  EXPECT_EQ(rig.stats().overrun, 1U);
}

TEST_F(Batches, HoldOneMessageOfAKey) {
  options.config.batch.wait = 20ms;
  SubscriptionRig rig(options, {});
  rig.deliver({{.key = "k", .payload = "k1"}, {.key = "k", .payload = "k2"}, {.key = "o", .payload = "o1"}});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 3; }));
  EXPECT_EQ(batches(), (std::vector<std::vector<std::string>>{{"k1", "o1"}, {"k2"}}));
}

TEST_F(Batches, AreNeverLargerThanWhatMayBeInFlight) {
  options.config.batch.messages = 100;
  options.config.max_in_flight = 4;
  SubscriptionRig rig(options, {});
  rig.deliver(messages({"a", "b", "c", "d"}));
  EXPECT_TRUE(eventually([&] { return rig.settled() == 4; }));
}

TEST_F(Batches, DrainBeginsAtOnceWhatWasCollectedAndSettlesIt) {
  auto const store = std::make_shared<test::HandDrivenStore>();
  options.store = store;
  SubscriptionRig rig(options, {});
  rig.deliver({{.key = "a", .payload = "a", .headers = {{"message-id", "m-1"}}},
               {.key = "b", .payload = "b", .headers = {{"message-id", "m-2"}}}});
  ASSERT_TRUE(eventually([&] { return store->count("claim m-2") == 1; })) << "both are being collected";
  EXPECT_TRUE(rig.core->drain(in(20s)));
  EXPECT_EQ(batches(), (std::vector<std::vector<std::string>>{{"a", "b"}}));
  EXPECT_EQ(rig.settled(), 2);
  EXPECT_TRUE(rig.core->stop(in(30s)));
}

TEST_F(Batches, DrainWaitsForTheBatchThatRuns) {
  Gate gate;
  std::atomic<bool> begun{false};
  options.batch_handler = [&, gate](DeliveryBatch const& batch) {
    begun = true;
    gate.wait();
    return Outcomes(batch.size());
  };
  SubscriptionRig rig(options, {});
  rig.deliver(messages({"a", "b", "c"}));
  ASSERT_TRUE(eventually([&] { return begun.load(); }));
  EXPECT_EQ(rig.core->drain(in(20ms)).error().code, Errc::kTimeout);
  gate.open();
  EXPECT_TRUE(rig.core->drain(in(30s)));
  EXPECT_EQ(rig.settled(), 3);
}

TEST_F(Batches, BatchThatReturnsAfterTheEndIsStale) {
  Gate gate;
  std::atomic<bool> begun{false};
  options.close_timeout = 20ms;
  options.batch_handler = [&, gate](DeliveryBatch const& batch) {
    begun = true;
    gate.wait();
    return Outcomes(batch.size());
  };
  SubscriptionRig rig(options, {});
  rig.deliver(messages({"a", "b", "c"}));
  ASSERT_TRUE(eventually([&] { return begun.load(); }));
  EXPECT_EQ(rig.core->stop(in(20ms)).error().code, Errc::kTimeout);
  gate.open();
  EXPECT_TRUE(eventually([&] { return rig.stats().stale == 3; }));
  EXPECT_EQ(rig.settled(), 0);
  EXPECT_TRUE(rig.core->stop(in(30s)));
}

TEST_F(Batches, NothingCollectedBeginsWhilePaused) {
  auto const store = std::make_shared<test::HandDrivenStore>();
  options.store = store;
  options.config.batch.wait = 200ms;
  SubscriptionRig rig(options, {});
  rig.deliver({{.key = "a", .payload = "a", .headers = {{"message-id", "m-1"}}}});
  ASSERT_TRUE(eventually([&] { return store->count("claim m-1") == 1; })) << "it is being collected";
  rig.core->pause();
  EXPECT_TRUE(eventually([&] { return store->count("release m-1") == 1; })) << "its key is free again";
  EXPECT_TRUE(batches().empty());
  rig.core->resume();
  EXPECT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(rig.stats().retried, 0U);
}

TEST_F(Batches, ProbeThatNeverReturnsIsGivenUpForAnother) {
  std::atomic<bool> is_down{true};
  std::atomic<bool> sticks{false};
  std::atomic<bool> is_stuck{false};
  Gate gate;
  options.config.concurrency = 2;
  options.config.timeout = 20ms;
  options.config.batch.wait = 1ms;
  options.config.retry.max_attempts = 1'000;
  options.config.circuit_breaker = {.budget = 5, .cooldown = 1ms, .max_cooldown = 1ms};
  options.batch_handler = [&, gate](DeliveryBatch const& batch) {
    // A probe is one message; the other worker may still begin a larger batch, collected before the circuit opened.
    if (batch.size() == 1 && sticks.exchange(false)) {
      is_stuck = true;
      gate.wait();
    }
    Outcomes outcomes(batch.size());
    if (is_down) std::fill(outcomes.begin(), outcomes.end(), retry("down"));
    return outcomes;
  };
  SubscriptionRig rig(options, {});
  rig.deliver(messages({"a", "b", "c", "d", "e", "f", "g", "h"}));
  ASSERT_TRUE(eventually([&] { return rig.health().state == SubscriptionState::kCircuitOpen; }));
  sticks = true;
  ASSERT_TRUE(eventually([&] { return is_stuck && rig.health().stuck_handlers == 1; }));
  is_down = false;
  EXPECT_TRUE(eventually([&] { return rig.stats().handled == 7; }, 20s));
  gate.open();
  EXPECT_TRUE(eventually([&] { return rig.settled() == 8; }));
}

TEST_F(Batches, HandlerCannotWaitForItsOwnEnd) {
  SubscriptionRig* self = nullptr;
  Gate ready;
  std::atomic<bool> refused{false};
  options.batch_handler = [&, ready](DeliveryBatch const& batch) {
    ready.wait();
    refused = self->core->stop(in(5s)).error().code == Errc::kInvalidArgument &&
              self->core->drain(in(5s)).error().code == Errc::kInvalidArgument;
    return Outcomes(batch.size());
  };
  SubscriptionRig rig(options, {});
  self = &rig;
  ready.open();
  rig.deliver(messages({"a", "b", "c"}));
  ASSERT_TRUE(eventually([&] { return rig.settled() == 3; }));
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace fairlead
