#include "conformance/conformance.hpp"

#include <filesystem>
#include <map>
#include <mutex>

#include <stdlib.h>

// An effect that is named by an idempotency key happens once, whatever is delivered.
namespace fairlead::conformance {
namespace {

/// A folder for a store, gone with its test.
class StoreFolder {
 public:
  StoreFolder() : path_((std::filesystem::temp_directory_path() / "fairlead-conformance-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary folder");
  }
  StoreFolder(StoreFolder const&) = delete;
  StoreFolder& operator=(StoreFolder const&) = delete;
  ~StoreFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string url() const { return "sqlite:" + path_ + "/effects.db"; }

 private:
  std::string path_;
};

class Idempotency : public Conformance {
 protected:
  [[nodiscard]] Config config_with(std::string const& store) const {
    auto configuration = config();
    billing_of(configuration).idempotency.store = store;
    return configuration;
  }
  static Message keyed(std::string payload, std::string effect, std::string key = {}) {
    return {.payload = std::move(payload), .key = std::move(key), .idempotency_key = std::move(effect)};
  }
  void expect_duplicate_settled_without_its_handler(std::string const& store);

  StoreFolder const folder_;  // goes last
};
INSTANTIATE_TEST_SUITE_P(On, Idempotency, testing::ValuesIn(brokers_under_test()), name_of);

void Idempotency::expect_duplicate_settled_without_its_handler(std::string const& store) {
  Recorder before;
  Recorder after;
  auto const configuration = config_with(store);
  {
    auto broker = open(configuration);
    auto billing = broker->subscribe("billing", before.handler()).value();
    publish(*broker, {keyed("first", "order-7:created")});
    ASSERT_TRUE(eventually([&] { return billing.stats().handled == 1; }));
    publish(*broker, {keyed("again", "order-7:created"), keyed("other", "order-7:paid")});

    ASSERT_TRUE(eventually([&] { return billing.stats().handled == 2 && billing.stats().in_flight == 0; }));
    EXPECT_EQ(billing.stats().duplicates, 1U);
    EXPECT_EQ(before.payloads(), (std::vector<std::string>{"first", "other"}));
    ASSERT_TRUE(broker->close(kPatience));
  }
  auto broker = open(config());  // without a store, so that whatever was not settled would be handled
  auto billing = broker->subscribe("billing", after.handler()).value();
  publish(*broker, "new");
  ASSERT_TRUE(eventually([&] { return after.has("new"); }));
  EXPECT_EQ(after.payloads(), std::vector<std::string>{"new"});
}

TEST_P(Idempotency, DuplicateIsSettledWithoutItsHandlerByAMemoryStore) {
  expect_duplicate_settled_without_its_handler("memory:");
}

TEST_P(Idempotency, DuplicateIsSettledWithoutItsHandlerByAFile) {
  expect_duplicate_settled_without_its_handler(folder_.url());
}

TEST_P(Idempotency, FileKnowsItsEffectsAfterARestart) {
  Recorder before;
  Recorder after;
  auto const configuration = config_with(folder_.url());
  {
    auto broker = open(configuration);
    auto billing = broker->subscribe("billing", before.handler()).value();
    publish(*broker, {keyed("first", "order-7:created")});
    ASSERT_TRUE(eventually([&] { return billing.stats().handled == 1; }));
    ASSERT_TRUE(broker->close(kPatience));
  }
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", after.handler()).value();
  publish(*broker, {keyed("again", "order-7:created"), keyed("other", "order-8:created")});

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 1 && billing.stats().duplicates == 1; }));
  EXPECT_EQ(after.payloads(), std::vector<std::string>{"other"});
}

TEST_P(Idempotency, MembersThatShareAFileHandleEachEffectOnce) {
  constexpr int kEffects = 60;
  constexpr int kCopies = 3;
  std::mutex mutex;
  std::map<std::string, int> effects;
  auto configuration = config_with(folder_.url());
  orders_of(configuration).partitions = 6;
  billing_of(configuration).concurrency = 4;
  auto const first = open(configuration);
  auto const second = open(configuration);
  auto const handler = [&](Delivery const& delivery) {
    std::lock_guard const lock(mutex);
    ++effects[std::string(delivery.idempotency_key())];
    return ack();
  };
  auto one = first->subscribe("billing", handler).value();
  auto two = second->subscribe("billing", handler).value();

  // The copies of an effect have different keys, so that different members get them at the same time.
  std::vector<Message> messages;
  for (int copy = 0; copy < kCopies; ++copy) {
    for (int effect = 0; effect < kEffects; ++effect) {
      messages.push_back(
          keyed("m", "effect-" + std::to_string(effect), "key-" + std::to_string(copy) + "-" + std::to_string(effect)));
    }
  }
  publish(*first, messages);

  auto const sum = [&](std::uint64_t SubscriptionStats::*count) { return one.stats().*count + two.stats().*count; };
  ASSERT_TRUE(eventually([&] {
    return sum(&SubscriptionStats::handled) + sum(&SubscriptionStats::duplicates) >= kEffects * kCopies;
  })) << sum(&SubscriptionStats::handled)
      << " handled, " << sum(&SubscriptionStats::duplicates) << " duplicates";
  std::lock_guard const lock(mutex);
  EXPECT_EQ(effects.size(), static_cast<std::size_t>(kEffects));
  for (auto const& [effect, times] : effects) EXPECT_EQ(times, 1) << effect;
}

TEST_P(Idempotency, OneKeyHappensOnceInEachGroup) {
  Recorder billing_seen;
  Recorder shipping_seen;
  auto configuration = config_with(folder_.url());
  add_group(configuration, "shipping").idempotency.store = folder_.url();
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", billing_seen.handler()).value();
  auto shipping = broker->subscribe("shipping", shipping_seen.handler()).value();

  publish(*broker, {keyed("first", "order-7:created")});
  auto const is_looked_at = [](SubscriptionStats const& stats) { return stats.handled + stats.duplicates == 1; };
  ASSERT_TRUE(eventually([&] { return is_looked_at(billing.stats()) && is_looked_at(shipping.stats()); }));
  ASSERT_EQ(billing.stats().handled + shipping.stats().handled, 2U);
  publish(*broker, {keyed("again", "order-7:created")});

  ASSERT_TRUE(eventually([&] { return billing.stats().duplicates == 1 && shipping.stats().duplicates == 1; }));
  EXPECT_EQ(billing_seen.payloads(), std::vector<std::string>{"first"});
  EXPECT_EQ(shipping_seen.payloads(), std::vector<std::string>{"first"});
}

class InProgress : public Idempotency {
 protected:
  /// Two messages with one effect; the first one's handler answers `outcome` when the second has been looked at.
  void handle_two(std::string const& store, Outcome const& outcome) {
    auto configuration = config_with(store);
    billing_of(configuration).concurrency = 2;
    broker_ = open(configuration);
    billing_ = broker_
                   ->subscribe("billing", recorder_.handler([gate = gate_, outcome](Seen const& message) {
                     if (message.payload != "first") return ack();
                     gate.wait();
                     return outcome;
                   }))
                   .value();
    publish(*broker_, {keyed("first", "order-7:created", "a")});
    ASSERT_TRUE(eventually([&] { return recorder_.has("first"); }));
    publish(*broker_, {keyed("second", "order-7:created", "b"), keyed("behind it", "order-7:paid", "c")});
    // With one free worker, what lies behind the second message is handled after that was looked at.
    ASSERT_TRUE(eventually([&] { return billing_->stats().handled == 1; }));
    EXPECT_FALSE(recorder_.has("second")) << "its key is in progress";
    EXPECT_EQ(billing_->stats().duplicates, 0U) << "it is not done yet";
    gate_.open();
  }
  Recorder recorder_;
  Gate gate_;
  std::unique_ptr<Broker> broker_;
  std::optional<Subscription> billing_;
};
INSTANTIATE_TEST_SUITE_P(On, InProgress, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(InProgress, MessageWaitsAndIsADuplicateOnceTheEffectHasHappened) {
  handle_two("memory:", ack());
  ASSERT_TRUE(eventually([&] { return billing_->stats().duplicates == 1 && billing_->stats().in_flight == 0; }));
  EXPECT_EQ(billing_->stats().handled, 2U);
  EXPECT_FALSE(recorder_.has("second"));
}

TEST_P(InProgress, MessageIsHandledWhenTheOtherOneIsGivenUp) {
  handle_two(folder_.url(), reject("no"));
  ASSERT_TRUE(eventually([&] { return recorder_.has("second") && billing_->stats().in_flight == 0; }));
  EXPECT_EQ(billing_->stats().duplicates, 0U);
  EXPECT_EQ(billing_->stats().handled, 2U);
  EXPECT_EQ(billing_->stats().dead_lettered, 1U);
}

TEST_P(Idempotency, KeyOfAMessageThatFailedIsHandledAgainInPlaceInATierAndWhenPublishedAgain) {
  Recorder recorder;
  auto configuration = config_with(folder_.url());
  billing_of(configuration).retry.max_attempts = 3;
  billing_of(configuration).retry.tiers = {200ms};
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing", recorder.handler([](Seen const& message) {
                       return message.payload == "fails" ? retry("not ever") : ack();
                     }))
                     .value();

  publish(*broker, {keyed("fails", "order-7:created")});
  ASSERT_TRUE(eventually([&] { return billing.stats().dead_lettered == 1; }));
  publish(*broker, {keyed("published again", "order-7:created"), keyed("a duplicate", "order-7:created")});

  ASSERT_TRUE(eventually([&] { return billing.stats().duplicates == 1; }));
  EXPECT_EQ(recorder.payloads(), (std::vector<std::string>{"fails", "fails", "fails", "published again"}));
}

}  // namespace
}  // namespace fairlead::conformance
