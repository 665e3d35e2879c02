#include "conformance/conformance.hpp"

#include <map>

// The end of a member in the middle of failures: what is on its way to a tier or to the dead letters arrives once.
namespace fairlead::conformance {
namespace {

class Ending : public Conformance {
 protected:
  static constexpr int kMessages = 300;

  /// A third of the messages succeeds, a third waits in a tier once, a third is given up.
  static Outcome decide(Seen const& message) {
    switch (std::stoi(message.payload) % 3) {
      case 0: return ack();
      case 1: return message.attempt == 1 ? retry("not yet") : ack();
      default: return reject("no");
    }
  }
  [[nodiscard]] Config config_with_tier() const {
    auto configuration = config();
    orders_of(configuration).partitions = 2;
    billing_of(configuration).concurrency = 4;
    billing_of(configuration).retry.max_attempts = 2;
    billing_of(configuration).retry.tiers = {300ms};
    read_dead_letters(configuration);
    return configuration;
  }
  [[nodiscard]] static std::vector<Message> messages() {
    std::vector<Message> messages;
    for (int index = 0; index < kMessages; ++index) {
      messages.push_back({.payload = std::to_string(index), .key = "key-" + std::to_string(index % 30)});
    }
    return messages;
  }
};
INSTANTIATE_TEST_SUITE_P(On, Ending, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Ending, WithTiersAndDeadLettersOnTheirWayLeavesNothingTwice) {
  Recorder recorder;  // of all members
  Recorder dead;
  auto const configuration = config_with_tier();
  publish(*open(configuration), messages());
  for (std::size_t const stop_at : {40U, 120U, 250U}) {
    auto broker = open(configuration);
    auto billing = broker->subscribe("billing", recorder.handler(decide)).value();
    ASSERT_TRUE(eventually([&] { return recorder.begun() >= stop_at; })) << recorder.begun();
    ASSERT_TRUE(broker->drain(kPatience));
    EXPECT_EQ(recorder.begun(), recorder.finished());
    auto const stats = billing.stats();
    EXPECT_EQ(stats.in_flight, 0U);
    EXPECT_EQ(stats.stale, 0U);
    ASSERT_TRUE(broker->close(kPatience));
  }
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler(decide)).value();
  auto inspection = broker->subscribe("inspection", dead.handler()).value();
  auto const handlings = static_cast<std::size_t>(kMessages + kMessages / 3);
  ASSERT_TRUE(eventually([&] { return recorder.finished() >= handlings && dead.finished() >= kMessages / 3; }))
      << recorder.finished() << " handled, " << dead.finished() << " dead";
  ASSERT_TRUE(broker->drain(kPatience));

  std::map<std::string, std::vector<std::uint32_t>> attempts;
  for (Seen const& seen : recorder.seen()) attempts[seen.payload].push_back(seen.attempt);
  EXPECT_EQ(attempts.size(), static_cast<std::size_t>(kMessages));
  for (auto const& [payload, seen] : attempts) {
    bool const is_retried = std::stoi(payload) % 3 == 1;
    EXPECT_EQ(seen, is_retried ? (std::vector<std::uint32_t>{1, 2}) : std::vector<std::uint32_t>{1}) << payload;
  }
  EXPECT_EQ(dead.begun(), static_cast<std::size_t>(kMessages / 3));
  EXPECT_EQ(dead.distinct_payloads().size(), dead.begun());
}

TEST_P(Ending, WaitsForTheRetriesInPlaceOfWhatWasBegun) {
  Recorder recorder;
  Recorder after;
  auto const configuration = config();
  {
    auto broker = open(configuration);
    auto billing = broker
                       ->subscribe("billing", recorder.handler([](Seen const& message) {
                         return message.payload == "m0" && message.attempt < 4 ? retry("not yet") : ack();
                       }))
                       .value();
    for (int index = 0; index < 10; ++index) {
      publish(*broker, "m" + std::to_string(index), "key-" + std::to_string(index));
    }
    ASSERT_TRUE(eventually([&] { return recorder.has("m9"); }));
    ASSERT_TRUE(broker->close(kPatience));
  }
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", after.handler()).value();
  publish(*broker, "new");

  ASSERT_TRUE(eventually([&] { return after.has("new"); }));
  EXPECT_EQ(after.payloads(), std::vector<std::string>{"new"}) << "what was handled behind m0 came again";
}

}  // namespace
}  // namespace fairlead::conformance
