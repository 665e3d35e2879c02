#include "conformance/conformance.hpp"

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

// Members that come, go and stop in the middle of their work.
namespace fairlead::conformance {
namespace {

class Membership : public Conformance {
 protected:
  static constexpr int kKeys = 64;

  /// `count` messages over all keys; the payload is `key:n` with n growing per key.
  [[nodiscard]] std::vector<Message> next_messages(int count) {
    std::vector<Message> messages;
    for (int index = 0; index < count; ++index, ++published_) {
      std::string const key = "key-" + std::to_string(published_ % kKeys);
      messages.push_back({.payload = key + ":" + std::to_string(published_ / kKeys), .key = key});
    }
    return messages;
  }
  int published_ = 0;
};
INSTANTIATE_TEST_SUITE_P(On, Membership, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Membership, KeyOrderIsKeptWithSixteenWorkersWhileMembersComeAndGo) {
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 8;
  billing_of(configuration).concurrency = 16;
  auto const handler = recorder.handler([](Seen const& message) {
    // Handlers of different lengths, so that they end in another order than they began.
    std::this_thread::sleep_for(std::chrono::microseconds(std::hash<std::string>{}(message.payload) % 4'000));
    return ack();
  });
  auto const one = open(configuration);
  auto const two = open(configuration);
  auto const three = open(configuration);
  auto first = one->subscribe("billing", handler).value();

  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> published{0};
  std::thread stream([&] {
    while (!stopping) {
      publish(*one, next_messages(64));
      published += 64;
      // Not further ahead than this, so that messages are in mid-stream whenever a member comes or goes.
      (void)eventually([&] { return stopping || recorder.finished() + 1'000 > published; });
    }
  });
  // Every change comes 2 s after the one before, and after the stream went on.
  auto const stream_on = [&] {
    Stopwatch const watch;
    auto const enough = recorder.finished() + 200;
    return eventually([&] { return watch.elapsed() >= 2s && recorder.finished() >= enough; });
  };

  EXPECT_TRUE(stream_on());
  auto second = two->subscribe("billing", handler).value();
  EXPECT_TRUE(stream_on());
  EXPECT_TRUE(first.stop(kPatience));
  EXPECT_TRUE(stream_on());
  auto third = three->subscribe("billing", handler).value();
  EXPECT_TRUE(stream_on());
  EXPECT_TRUE(second.stop(kPatience));
  EXPECT_TRUE(stream_on());
  stopping = true;
  something_changed();
  stream.join();

  std::size_t const all = published;
  ASSERT_TRUE(eventually([&] { return recorder.distinct_payloads().size() == all; })) << recorder.finished();
  EXPECT_FALSE(recorder.overlapped_within_a_key());
  expect_key_order(recorder.seen());
  for (auto const* member : {&first, &second, &third}) EXPECT_GT(member->stats().handled, 0U);
  EXPECT_EQ(recorder.begun(), all) << "all members left in peace, so nothing had to come twice";
}

TEST_P(Membership, LateSettlementOfAStoppedMemberIsFenced) {
  Recorder late;
  Recorder other;
  Recorder rest;
  Gate gate;
  auto const configuration = config();
  auto first = open(configuration);
  auto stopped = first->subscribe("billing", late.handler_behind(gate)).value();
  publish(*first, numbered("m", 20));
  ASSERT_TRUE(eventually([&] { return late.begun() == 1; }));

  EXPECT_FALSE(stopped.stop(200ms)) << "a handler still runs";
  {
    auto second = open(configuration);
    auto next = second->subscribe("billing", other.handler()).value();
    ASSERT_TRUE(eventually([&] { return other.finished() >= 20; })) << other.finished();
    gate.open();
    ASSERT_TRUE(eventually([&] { return stopped.stats().stale == 1; })) << "its settlement came too late";
    publish(*second, "after it");
    ASSERT_TRUE(eventually([&] { return other.has("after it"); }));
    ASSERT_TRUE(second->close(kPatience));
  }
  EXPECT_EQ(late.begun(), 1U);
  EXPECT_EQ(stopped.stats().in_flight, 0U);
  auto expected = payloads_of(numbered("m", 20));
  expected.emplace_back("after it");
  EXPECT_EQ(other.payloads(), expected);

  auto third = open(configuration);
  auto last = third->subscribe("billing", rest.handler()).value();
  publish(*third, "the end");
  ASSERT_TRUE(eventually([&] { return rest.has("the end"); }));
  EXPECT_EQ(rest.payloads(), std::vector<std::string>{"the end"});
}

}  // namespace
}  // namespace fairlead::conformance
