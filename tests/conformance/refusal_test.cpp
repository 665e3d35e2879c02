#include "conformance/conformance.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

// What cannot be published is refused before anything is sent, and the publisher goes on.
namespace fairlead::conformance {
namespace {

using Refusing = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Refusing, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Refusing, OversizeMessageIsNeitherSentNorHarmful) {
  Recorder recorder;
  auto configuration = config();
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto publisher = broker->publisher(destination_).value();

  auto const refused = publisher.publish(std::string(configuration.publish.max_message_bytes + 1, 'x'));
  auto const accepted = publisher.publish("small");

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kTooLarge);
  EXPECT_EQ(publish_status(refused), PublishStatus::kNotPersisted);
  EXPECT_NE(refused.error().message.find("max_message_bytes"), std::string::npos) << refused.error().message;
  ASSERT_TRUE(accepted) << accepted.error().message;
  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));
  EXPECT_EQ(recorder.payloads().front(), "small");
}

TEST_P(Refusing, InvalidHeadersAreRefused) {
  auto broker = open(config());
  auto publisher = broker->publisher(destination_).value();
  Headers too_many;
  for (int index = 0; index < 65; ++index) too_many.set("h" + std::to_string(index), "v");
  struct Case {
    char const* what;
    Headers headers;
  };
  std::vector<Case> const cases{
      {"an empty name", {{"", "v"}}},
      {"a name with a line break", {{"a\nb", "v"}}},
      {"a name with a space", {{"a b", "v"}}},
      {"a name outside ASCII",
       {{"gr\xc3\xb6\xc3\x9f"
         "e",
         "v"}}},
      {"a name of 256 characters", {{std::string(256, 'n'), "v"}}},
      {"a value over 8 KiB", {{"n", std::string(8 * 1024 + 1, 'v')}}},
      {"65 headers", too_many},
  };
  for (auto const& [what, headers] : cases) {
    auto const result = publisher.publish("m", {.headers = headers});
    ASSERT_FALSE(result) << what;
    EXPECT_TRUE(result.error().code == Errc::kInvalidArgument || result.error().code == Errc::kTooLarge)
        << what << ": " << result.error().message;
    EXPECT_EQ(publish_status(result), PublishStatus::kNotPersisted) << what;
  }
  EXPECT_TRUE(publisher.publish("m"));
}

TEST_P(Refusing, ReservedHeaderNamesAreRefused) {
  auto broker = open(config());
  auto publisher = broker->publisher(destination_).value();
  for (auto const* name :
       {"message-id", "content-type", "message-key", "routing-key", "idempotency-key", "traceparent", "expires-at"}) {
    auto const result = publisher.publish("m", {.headers = {{name, "mine"}}});
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().code, Errc::kInvalidArgument) << name;
    EXPECT_NE(result.error().message.find(name), std::string::npos) << result.error().message;
  }
  EXPECT_TRUE(publisher.publish("m"));
}

TEST_P(Refusing, PriorityIsRefusedWhereItIsImpossible) {
  auto broker = open(config());
  Capability const& can = broker->capabilities().priority;
  if (can) GTEST_SKIP() << "this broker has priorities";

  auto const result = broker->publisher(destination_).value().publish("m", {.priority = std::uint8_t{5}});

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kUnsupported);
  EXPECT_EQ(publish_status(result), PublishStatus::kNotPersisted);
  EXPECT_FALSE(can.reason.empty());
  EXPECT_NE(result.error().message.find("priority"), std::string::npos) << result.error().message;
}

TEST_P(Refusing, PriorityIsKeptWhereItIsPossible) {
  Recorder recorder;
  Gate gate;
  auto configuration = config();
  orders_of(configuration).amqp.queue_type = QueueType::kClassic;
  billing_of(configuration).max_in_flight = 1;
  auto broker = open(configuration);
  if (auto const& can = broker->capabilities().priority; !can) GTEST_SKIP() << can.reason;
  auto billing = broker->subscribe("billing", recorder.handler_behind(gate)).value();
  auto publisher = broker->publisher(destination_).value();

  ASSERT_TRUE(publisher.publish("first"));
  ASSERT_TRUE(eventually([&] { return recorder.has("first"); }));
  for (int priority : {0, 9, 5}) {
    auto const name = std::to_string(priority);
    ASSERT_TRUE(publisher.publish(name, {.priority = static_cast<std::uint8_t>(priority)}));
  }
  gate.open();

  ASSERT_TRUE(eventually([&] { return recorder.finished() == 4; }));
  EXPECT_EQ(recorder.payloads(), (std::vector<std::string>{"first", "9", "5", "0"}));
}

TEST_P(Refusing, PriorityAboveNineIsRefused) {
  auto broker = open(config());
  auto const result = broker->publisher(destination_).value().publish("m", {.priority = std::uint8_t{10}});
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().code == Errc::kInvalidArgument || result.error().code == Errc::kUnsupported);
}

TEST_P(Refusing, MessageThatNoGroupWouldSeeIsUnroutable) {
  auto configuration = config();
  configuration.subscriptions.clear();
  auto broker = open(configuration);
  if (auto const& can = broker->capabilities().unroutable_detection; !can) GTEST_SKIP() << can.reason;
  auto publisher = broker->publisher(destination_).value();

  auto const single = publisher.publish("nobody");
  auto const batch = publisher.publish_batch(numbered("nobody-", 100));

  ASSERT_FALSE(single);
  EXPECT_EQ(single.error().code, Errc::kUnroutable);
  EXPECT_EQ(publish_status(single), PublishStatus::kUnroutable);
  for (auto const& result : batch) EXPECT_EQ(publish_status(result), PublishStatus::kUnroutable);
}

TEST_P(Refusing, UnroutableIsMatchedExactlyAmongAThousandInFlight) {
  constexpr std::size_t kPublishes = 20'000;
  Recorder recorder;
  auto configuration = config();
  configuration.publish.window_messages = 1'000;
  orders_of(configuration).amqp.bindings[group_of("billing")] = {"home.#"};
  auto const opened = Broker::open(configuration);
  if (auto const can = open(config())->capabilities().unroutable_detection; !can) GTEST_SKIP() << can.reason;
  auto& broker = *opened.value();
  auto billing = broker.subscribe("billing", recorder.handler()).value();
  auto publisher = broker.publisher(destination_).value();
  std::vector<std::atomic<int>> status(kPublishes);
  std::set<std::string> routable;
  std::size_t most_in_flight = 0;
  std::atomic<std::size_t> ended{0};
  for (std::size_t index = 0; index < kPublishes; ++index) {
    // One in ten, now here and now there.
    bool const is_routable = (index * 2'654'435'761U >> 7) % 10 != 0;
    auto const payload = std::to_string(index);
    if (is_routable) routable.insert(payload);
    publisher.publish_async(payload, {.routing_key = is_routable ? "home.kitchen" : "away"},
                            [&, index](auto const& result) {
                              status[index] = 1 + static_cast<int>(publish_status(result));
                              ++ended;
                            });
    most_in_flight = std::max(most_in_flight, index + 1 - ended);
  }
  ASSERT_TRUE(publisher.flush(kPatience));

  EXPECT_GE(most_in_flight, 900U);
  std::map<std::pair<bool, int>, int> confusion;
  for (std::size_t index = 0; index < kPublishes; ++index) {
    ++confusion[{routable.contains(std::to_string(index)), status[index] - 1}];
  }
  auto const all = static_cast<int>(kPublishes);
  auto const good = static_cast<int>(routable.size());
  std::map<std::pair<bool, int>, int> const exact{{{true, static_cast<int>(PublishStatus::kConfirmed)}, good},
                                                  {{false, static_cast<int>(PublishStatus::kUnroutable)}, all - good}};
  EXPECT_EQ(confusion, exact);
  EXPECT_TRUE(eventually([&] { return recorder.distinct_payloads().size() >= routable.size(); }));
  EXPECT_EQ(recorder.distinct_payloads(), routable);
}

TEST_P(Refusing, PublishEndsByItsDeadlineAndSaysWhatBecameOfIt) {
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto publisher = broker->publisher(destination_).value();
  std::set<std::string> confirmed;
  std::set<std::string> not_persisted;

  for (int index = 0; index < 200; ++index) {
    std::string const payload = std::to_string(index);
    Stopwatch const watch;
    auto const result = publisher.publish(payload, {.deadline = 1ms});
    EXPECT_LT(watch.elapsed(), kSlack);
    if (publish_status(result) == PublishStatus::kConfirmed) confirmed.insert(payload);
    if (publish_status(result) == PublishStatus::kNotPersisted) not_persisted.insert(payload);
  }
  ASSERT_TRUE(broker->flush(kPatience));
  ASSERT_TRUE(publisher.publish("last"));

  ASSERT_TRUE(eventually([&] { return recorder.has("last"); }));
  std::set<std::string> const seen = recorder.distinct_payloads();
  for (auto const& payload : confirmed) EXPECT_TRUE(seen.contains(payload)) << payload << " was confirmed";
  for (auto const& payload : not_persisted) EXPECT_FALSE(seen.contains(payload)) << payload << " was not persisted";
}

}  // namespace
}  // namespace fairlead::conformance
