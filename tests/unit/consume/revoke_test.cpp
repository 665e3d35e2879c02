#include "consume/consumption.hpp"
#include "core/thread.hpp"
#include "support/wait.hpp"
#include "unit/consume/subscription_rig.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

constexpr Lane kLane{0, 1};

SubscriptionSetup setup_without_order() {
  SubscriptionSetup setup;
  setup.spec.config.ordering = Ordering::kNone;
  setup.logger = std::make_shared<test::RecordingLogger>();
  return setup;
}

void deliver(Intake& intake, int count) {
  InboundList batch;
  for (std::int64_t position = 1; position <= count; ++position) {
    Inbound& message = intake.acquire();
    message.lane = kLane;
    message.position = position;
    batch.push(message);
  }
  intake.deliver(batch);
}

// Played without workers' threads, so that each batch holds just what it has to.
TEST(Revoke, NothingOfTheLaneIsBegunOnceItsDeadlineIsOver) {
  Consumption consumption(setup_without_order());
  consumption.intake().open_lane(kLane);
  deliver(consumption.intake(), 8);

  WorkerSlot& first = consumption.add_worker();
  first.longest_batch = 7;
  ASSERT_TRUE(consumption.exchange(first));
  ASSERT_EQ(first.batch.claim()->position, 1);
  first.is_shared = false;  // no other worker takes it apart before the lane is revoked

  WorkerSlot& second = consumption.add_worker();
  ASSERT_TRUE(consumption.exchange(second));
  ASSERT_EQ(second.batch.claim()->position, 8);

  // The revoke takes 2 to 7 back and keeps them, as 8 is running. The third worker takes two of them and sticks in one.
  WorkerSlot& third = consumption.add_worker();
  third.longest_batch = 2;
  std::atomic<bool> has_begun{false};
  Thread worker("worker", [&] {
    if (!consumption.exchange(third)) return;
    if (third.batch.size() == 2 && third.batch.claim() != nullptr) has_begun = true;
    test::something_changed();
  });
  consumption.intake().revoke_lane(kLane, test::in(300ms));
  EXPECT_TRUE(test::eventually([&] { return has_begun.load(); }));
  if (has_begun) {
    third.batch.conclude({Fate::kHandled});
    EXPECT_EQ(third.batch.claim(), nullptr) << "the other one belongs to the lane's next owner";
  }
  consumption.end();
}

}  // namespace
}  // namespace fairlead
