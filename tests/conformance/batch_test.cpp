#include "conformance/conformance.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>

// Handlers of several messages at once.
namespace fairlead::conformance {
namespace {

class Batches : public Conformance {
 protected:
  using Decide = std::function<std::vector<Outcome>(std::vector<Seen> const&)>;

  [[nodiscard]] Config config_with(int messages, std::chrono::milliseconds wait) const {
    auto configuration = config();
    billing_of(configuration).batch = {.messages = messages, .wait = wait};
    read_dead_letters(configuration);
    return configuration;
  }
  /// Keeps each batch, then answers what `decide` says.
  [[nodiscard]] BatchHandler handler(Decide decide) {
    return [this, decide = std::move(decide)](DeliveryBatch const& batch) {
      std::vector<Seen> seen;
      for (Delivery const& delivery : batch) seen.push_back(Seen::copy_of(delivery));
      {
        std::lock_guard const lock(mutex_);
        batches_.push_back(seen);
      }
      something_changed();
      return decide(seen);
    };
  }
  static std::vector<Outcome> all_acked(std::vector<Seen> const& batch) { return std::vector<Outcome>(batch.size()); }

  [[nodiscard]] std::vector<std::vector<Seen>> batches() const {
    std::lock_guard const lock(mutex_);
    return batches_;
  }
  [[nodiscard]] std::vector<std::size_t> sizes() const {
    std::vector<std::size_t> sizes;
    for (auto const& batch : batches()) sizes.push_back(batch.size());
    return sizes;
  }
  /// The attempts of each message, in the order in which they began.
  [[nodiscard]] std::map<std::string, std::vector<std::uint32_t>> attempts() const {
    std::map<std::string, std::vector<std::uint32_t>> attempts;
    for (auto const& batch : batches()) {
      for (Seen const& seen : batch) attempts[seen.payload].push_back(seen.attempt);
    }
    return attempts;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::vector<Seen>> batches_;
};
INSTANTIATE_TEST_SUITE_P(On, Batches, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Batches, AreFullWhileThereAreMessages) {
  Gate all_are_here;
  auto broker = open(config_with(10, 20ms));
  auto billing = broker
                     ->subscribe_batch("billing", handler([&, all_are_here](std::vector<Seen> const& batch) {
                                         all_are_here.wait();
                                         return all_acked(batch);
                                       }))
                     .value();
  publish(*broker, "first");
  ASSERT_TRUE(eventually([&] { return batches().size() == 1; }));

  publish(*broker, numbered("m", 35));
  ASSERT_TRUE(eventually([&] { return billing.stats().received == 36; }));
  all_are_here.open();

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 36; })) << billing.stats().handled;
  EXPECT_EQ(sizes(), (std::vector<std::size_t>{1, 10, 10, 10, 5}));
}

TEST_P(Batches, BeginAfterTheirWaitWhenTheyAreNotFull) {
  std::chrono::milliseconds began{0};
  Stopwatch watch;
  auto broker = open(config_with(100, 300ms));
  auto billing = broker
                     ->subscribe_batch("billing", handler([&](std::vector<Seen> const& batch) {
                                         if (began == 0ms) began = watch.elapsed();
                                         return all_acked(batch);
                                       }))
                     .value();

  watch = Stopwatch();
  publish(*broker, numbered("m", 3));

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 3; })) << billing.stats().handled;
  EXPECT_GE(began, 300ms);
}

TEST_P(Batches, EachMessageHasAnOutcomeOfItsOwn) {
  Recorder dead;
  auto broker = open(config_with(10, 200ms));
  auto billing = broker
                     ->subscribe_batch("billing", handler([](std::vector<Seen> const& batch) {
                                         std::vector<Outcome> outcomes;
                                         for (Seen const& seen : batch) {
                                           if (seen.payload == "good") outcomes.push_back(ack());
                                           if (seen.payload == "early")
                                             outcomes.push_back(seen.attempt < 3 ? retry("not yet") : ack());
                                           if (seen.payload == "bad") outcomes.push_back(reject("unknown product"));
                                         }
                                         return outcomes;
                                       }))
                     .value();
  auto inspection = broker->subscribe("inspection", dead.handler()).value();

  publish(*broker, {{.payload = "good"}, {.payload = "early"}, {.payload = "bad"}});

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 2 && dead.finished() == 1; }));
  EXPECT_EQ(attempts(),
            (std::map<std::string, std::vector<std::uint32_t>>{{"good", {1}}, {"early", {1, 2, 3}}, {"bad", {1}}}));
  EXPECT_EQ(dead.seen().front().payload, "bad");
  EXPECT_EQ(dead.seen().front().header("fairlead-error"), "unknown product");
}

TEST_P(Batches, WrongNumberOfOutcomesAndExceptionsRetryAllOfThem) {
  Recorder dead;
  auto configuration = config_with(10, 200ms);
  billing_of(configuration).retry.max_attempts = 3;
  auto broker = open(configuration);
  std::atomic<int> calls{0};
  auto billing = broker
                     ->subscribe_batch("billing", handler([&](std::vector<Seen> const& batch) {
                                         if (++calls == 2) throw std::runtime_error("card declined");
                                         std::vector<Outcome> outcomes(batch.size() + 1);
                                         return outcomes;
                                       }))
                     .value();
  auto inspection = broker->subscribe("inspection", dead.handler()).value();

  publish(*broker, "m");

  ASSERT_TRUE(eventually([&] { return dead.finished() == 1; }));
  EXPECT_EQ(attempts(), (std::map<std::string, std::vector<std::uint32_t>>{{"m", {1, 2, 3}}}));
  EXPECT_NE(dead.seen().front().header("fairlead-error").find("2 outcomes for 1"), std::string::npos)
      << dead.seen().front().header("fairlead-error");
  EXPECT_EQ(billing.stats().handled, 0U);
}

TEST_P(Batches, HoldAtMostOneMessageOfAKeyInPublishOrder) {
  constexpr int kKeys = 8;
  auto broker = open(config_with(50, 5ms));
  auto billing =
      broker->subscribe_batch("billing", handler([](std::vector<Seen> const& batch) { return all_acked(batch); }))
          .value();
  std::vector<Message> messages;
  for (int index = 0; index < 20 * kKeys; ++index) {
    std::string const key = "key-" + std::to_string(index % kKeys);
    messages.push_back({.payload = key + ":" + std::to_string(index / kKeys), .key = key});
  }

  publish(*broker, messages);

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == messages.size(); })) << billing.stats().handled;
  std::vector<Seen> all;
  for (auto const& batch : batches()) {
    std::set<std::string> keys;
    for (Seen const& seen : batch) {
      EXPECT_TRUE(keys.insert(seen.key).second) << seen.key << " is there twice";
      all.push_back(seen);
    }
  }
  EXPECT_EQ(all.size(), messages.size());
  expect_key_order(all);
}

}  // namespace
}  // namespace fairlead::conformance
