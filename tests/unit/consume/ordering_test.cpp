#include "subscription_rig.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gate;
using test::SubscriptionRig;

SubscriptionRig::Options with_concurrency(int concurrency, Ordering ordering = Ordering::kKey) {
  SubscriptionRig::Options options;
  options.config.concurrency = concurrency;
  options.config.ordering = ordering;
  options.config.max_in_flight = 100'000;
  return options;
}

/// Notes per key what was handled, and whether a message began before the one in front of it was through, retries
/// included.
class OrderCheck {
 public:
  Outcome handle(Delivery const& delivery, bool fails) {
    std::lock_guard const lock(mutex_);
    std::string const key(delivery.key());
    bool const is_first_attempt = delivery.attempt() == 1;
    if (is_first_attempt != begun_.insert(key).second) overtaken_ = true;
    if (fails) return retry(1ms);
    begun_.erase(key);
    if (std::exchange(last_[key], delivery.position()) >= delivery.position()) overtaken_ = true;
    ++handled_;
    return ack();
  }
  [[nodiscard]] std::size_t handled() const {
    std::lock_guard const lock(mutex_);
    return handled_;
  }
  [[nodiscard]] bool is_overtaken() const {
    std::lock_guard const lock(mutex_);
    return overtaken_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> begun_;
  std::map<std::string, std::int64_t> last_;
  std::size_t handled_ = 0;
  bool overtaken_ = false;
};

TEST(KeyOrder, HoldsWithEightWorkersThroughRetries) {
  constexpr std::size_t kMessages = 5000;
  OrderCheck check;
  SubscriptionRig rig(with_concurrency(8), [&check](Delivery const& delivery) {
    return check.handle(delivery, delivery.attempt() == 1 && delivery.position() % 37 == 0);
  });
  std::mt19937_64 random(3);
  for (std::size_t sent = 0; sent < kMessages;) {
    std::vector<std::string> keys;
    for (; keys.size() < 100; ++sent) keys.push_back("key-" + std::to_string(random() % 30));
    rig.deliver_keys(keys);
  }
  ASSERT_TRUE(eventually([&] { return check.handled() == kMessages; }));
  EXPECT_FALSE(check.is_overtaken());
  ASSERT_TRUE(eventually([&] { return rig.settled() == kMessages; }));
  auto const stats = rig.stats();
  EXPECT_EQ(stats.handled, kMessages);
  EXPECT_EQ(stats.retried, kMessages / 37);
  EXPECT_EQ(stats.in_flight, 0U);
  EXPECT_TRUE(eventually([&] { return rig.buffers() == 0; }));
}

TEST(PartitionOrder, HoldsAcrossKeys) {
  std::mutex mutex;
  std::map<std::int32_t, std::int64_t> last;
  bool overtaken = false;
  SubscriptionRig rig(with_concurrency(8, Ordering::kPartition), [&](Delivery const& delivery) {
    std::lock_guard const lock(mutex);
    if (std::exchange(last[delivery.partition()], delivery.position()) >= delivery.position()) overtaken = true;
    return ack();
  });
  Lane const other{1, 1};
  rig.intake().open_lane(other);
  for (int batch = 0; batch < 20; ++batch) {
    rig.deliver_keys(std::vector<std::string>(50, "a"));
    rig.deliver_keys(std::vector<std::string>(50, ""), other);
  }
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1000 && rig.settled(other) == 1000; }));
  EXPECT_FALSE(overtaken);
}

TEST(KeyOrder, KeyWithASlowHandlerHoldsUpItsOwnMessagesOnly) {
  Gate gate;
  std::atomic<int> others{0};
  SubscriptionRig rig(with_concurrency(2), [&, gate](Delivery const& delivery) {
    if (delivery.key() == "slow") {
      gate.wait();
    } else {
      ++others;
    }
    return ack();
  });
  rig.deliver_keys({"slow", "slow"});
  for (int batch = 0; batch < 10; ++batch) {
    rig.deliver_keys({"a", "b", "a", "c", "d", "e", "slow", "f", "g", "h"});
  }
  EXPECT_TRUE(eventually([&] { return others == 90; }));
  EXPECT_EQ(rig.settled(), 0) << "the first message is not through";
  gate.open();
  EXPECT_TRUE(eventually([&] { return rig.settled() == 102; }));
}

TEST(Worker, StuckHandlerKeepsNoneOfTheMessagesThatItsWorkerTook) {
  // Fast handlers first, so that the workers take many messages at a time; then one of them gets stuck.
  Gate gate;
  std::atomic<int> handled{0};
  SubscriptionRig rig(with_concurrency(2), [&, gate](Delivery const& delivery) {
    if (delivery.payload() == "stuck") gate.wait();
    ++handled;
    return ack();
  });
  int expected = 0;
  for (int round = 0; round < 20; ++round) {
    rig.deliver(std::vector<SubscriptionRig::Parts>(500));
    expected += 500;
  }
  ASSERT_TRUE(eventually([&] { return handled == expected; }));
  std::vector<SubscriptionRig::Parts> batch(1000);
  batch[100].payload = "stuck";
  batch[100].key = "k";
  batch[10].key = "first";
  batch[999].key = "first";
  rig.deliver(batch);
  EXPECT_TRUE(eventually([&] { return handled == expected + 999; }));
  EXPECT_EQ(rig.settled(), expected + 100);
  gate.open();
  EXPECT_TRUE(eventually([&] { return rig.settled() == expected + 1000; }));
}

TEST(Worker, SingleStuckWorkerStillSettlesWhatItHandledBefore) {
  Gate gate;
  auto options = with_concurrency(1);
  options.config.timeout = 20ms;  // the timer looks four times as often
  SubscriptionRig rig(options, [gate](Delivery const& delivery) {
    if (delivery.payload() == "stuck") gate.wait();
    return ack();
  });
  rig.deliver(std::vector<SubscriptionRig::Parts>(1000));
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1000; }));
  std::vector<SubscriptionRig::Parts> batch(64);
  batch[40].payload = "stuck";
  rig.deliver(batch);
  EXPECT_TRUE(eventually([&] { return rig.settled() == 1040; }));
  gate.open();
  EXPECT_TRUE(eventually([&] { return rig.settled() == 1064; }));
}

TEST(Settlement, FollowsTheHandlersInPositionOrder) {
  Gate first;
  Gate second;
  auto options = with_concurrency(3);
  SubscriptionRig rig(options, [first, second](Delivery const& delivery) {
    if (delivery.key() == "first") first.wait();
    if (delivery.key() == "second") second.wait();
    return ack();
  });
  rig.deliver_keys({"first", "second", "third"});
  ASSERT_TRUE(eventually([&] { return rig.stats().handled == 1; }));
  EXPECT_EQ(rig.settled(), 0);
  second.open();
  ASSERT_TRUE(eventually([&] { return rig.stats().handled == 2; }));
  EXPECT_EQ(rig.settled(), 0);
  first.open();
  EXPECT_TRUE(eventually([&] { return rig.settled() == 3; }));
}

}  // namespace
}  // namespace fairlead
