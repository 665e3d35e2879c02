#include "conformance/conformance.hpp"

#include <atomic>
#include <map>
#include <thread>

namespace fairlead::conformance {
namespace {

class KeyOrder : public Conformance {
 protected:
  /// `count` messages over `keys` keys; the payload is `key:n` with n growing per key.
  [[nodiscard]] std::vector<Message> next_messages(int count, int keys) {
    std::vector<Message> messages;
    for (int index = 0; index < count; ++index) {
      std::string const key = "key-" + std::to_string(published_ % keys);
      messages.push_back({.payload = key + ":" + std::to_string(published_ / keys), .key = key});
      ++published_;
    }
    return messages;
  }
  /// So many are handled, those of a key one after the other in their order.
  static void expect_handled_in_order(Recorder const& recorder, std::size_t count) {
    ASSERT_TRUE(eventually([&] { return recorder.finished() >= count; })) << recorder.finished();
    EXPECT_EQ(recorder.distinct_payloads().size(), count);
    EXPECT_FALSE(recorder.overlapped_within_a_key());
    expect_key_order(recorder.seen());
  }

  int published_ = 0;
};
INSTANTIATE_TEST_SUITE_P(On, KeyOrder, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(KeyOrder, IsKeptWithManyWorkers) {
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 4;
  billing_of(configuration).concurrency = 8;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  publish(*broker, next_messages(3'000, 30));

  expect_handled_in_order(recorder, 3'000);
}

TEST_P(KeyOrder, IsKeptWithTwoMembers) {
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 4;
  billing_of(configuration).concurrency = 4;
  auto broker = open(configuration);
  auto other = open(configuration);
  auto first = broker->subscribe("billing", recorder.handler()).value();
  auto second = other->subscribe("billing", recorder.handler()).value();

  publish(*broker, next_messages(2'000, 40));

  expect_handled_in_order(recorder, 2'000);
}

TEST_P(KeyOrder, IsKeptWhileMembersJoinAndLeave) {
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 4;
  billing_of(configuration).concurrency = 4;
  auto broker = open(configuration);
  auto other = open(configuration);
  std::optional<Subscription> leaving = broker->subscribe("billing", recorder.handler()).value();

  std::atomic<bool> stopping{false};
  std::atomic<int> published{0};
  std::thread stream([&] {
    while (!stopping) {
      publish(*broker, next_messages(50, 40));
      published += 50;
      // Not further ahead than this, so that the messages are in mid-stream whenever a member comes or goes.
      (void)eventually([&] { return stopping || recorder.finished() + 500 > static_cast<std::size_t>(published); });
    }
  });
  auto const stream_on = [&](std::size_t more) {
    std::size_t const enough = recorder.finished() + more;
    return eventually([&] { return recorder.finished() >= enough; });
  };

  EXPECT_TRUE(stream_on(300));
  auto joining = other->subscribe("billing", recorder.handler()).value();
  EXPECT_TRUE(stream_on(500));
  EXPECT_TRUE(leaving->stop(kPatience));
  leaving.reset();
  EXPECT_TRUE(stream_on(500));
  leaving = broker->subscribe("billing", recorder.handler()).value();
  EXPECT_TRUE(stream_on(500));
  stopping = true;
  something_changed();
  stream.join();

  auto const all = static_cast<std::size_t>(published);
  ASSERT_TRUE(eventually([&] { return recorder.distinct_payloads().size() == all; })) << recorder.finished();
  EXPECT_GT(joining.stats().handled, 0U);
  expect_key_order(recorder.seen());
}

TEST_P(KeyOrder, IsKeptThroughRetriesInPlace) {
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 2;
  billing_of(configuration).concurrency = 4;
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing", recorder.handler([](Seen const& message) {
                       bool const fails = message.payload.ends_with("3") && message.attempt < 3;
                       return fails ? retry("not yet") : ack();
                     }))
                     .value();

  publish(*broker, next_messages(300, 10));

  ASSERT_TRUE(eventually([&] { return billing.stats().handled == 300; })) << billing.stats().handled;
  EXPECT_FALSE(recorder.overlapped_within_a_key());
  expect_key_order(recorder.seen());
  // A message that is being retried holds back those behind it: nothing of its key comes between its attempts.
  std::map<std::string, Seen> previous;
  for (Seen const& message : recorder.seen()) {
    if (message.attempt > 1) {
      EXPECT_EQ(previous[message.key].payload, message.payload);
    }
    previous[message.key] = message;
  }
}

TEST_P(KeyOrder, ByPartitionHandlesAPartitionOneByOne) {
  Recorder recorder;
  auto configuration = config();
  billing_of(configuration).ordering = Ordering::kPartition;
  billing_of(configuration).concurrency = 4;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto const messages = next_messages(500, 50);

  publish(*broker, messages);

  ASSERT_TRUE(eventually([&] { return recorder.finished() == 500; })) << recorder.finished();
  EXPECT_EQ(recorder.most_at_once(), 1U);
  EXPECT_EQ(recorder.payloads(), payloads_of(messages));
}

TEST_P(KeyOrder, OrderingNoneHandlesOneKeyAtTheSameTime) {
  Recorder recorder;
  Gate together;
  auto configuration = config();
  billing_of(configuration).ordering = Ordering::kNone;
  billing_of(configuration).concurrency = 2;
  auto broker = open(configuration);
  auto billing = broker
                     ->subscribe("billing", recorder.handler([&, together](Seen const&) {
                       if (recorder.begun() >= 2) together.open();
                       together.wait(10s);
                       return ack();
                     }))
                     .value();

  publish(*broker, numbered("m", 2, "one key"));

  ASSERT_TRUE(eventually([&] { return recorder.finished() == 2; }));
  EXPECT_EQ(recorder.most_at_once(), 2U);
}

TEST_P(KeyOrder, KeysGoToThePartitionThatTheJavaClientChooses) {
  // Utils.toPositive(Utils.murmur2(key)) % 6, printed by kafka-clients 4.1.0.
  std::map<std::string, int> const java{{"21", 0},
                                        {"foobar", 0},
                                        {"a-little-bit-long-string", 2},
                                        {"a-little-bit-longer-string", 5},
                                        {"abc", 3},
                                        {"a", 4},
                                        {"b", 2},
                                        {"order-1", 4},
                                        {"user-42", 4},
                                        {"\xc3\xa4\xc3\xb6\xc3\xbc", 2}};
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 6;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto publisher = broker->publisher(destination_).value();

  for (auto const& [key, partition] : java) {
    Receipt const receipt = publisher.publish("m", {.key = key}).value();
    if (broker->capabilities().receipts_with_position) {
      EXPECT_EQ(receipt.partition, partition) << key;
    }
  }

  ASSERT_TRUE(eventually([&] { return recorder.finished() == java.size(); })) << recorder.finished();
  for (Seen const& message : recorder.seen()) EXPECT_EQ(message.partition, java.at(message.key)) << message.key;
}

TEST_P(KeyOrder, MessagesWithoutAKeyAreSpreadOverThePartitions) {
  Recorder recorder;
  auto configuration = config();
  orders_of(configuration).partitions = 3;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto publisher = broker->publisher(destination_).value();

  std::set<int> partitions;
  EXPECT_TRUE(eventually([&] {
    std::size_t const before = recorder.finished();
    publisher.publish("m").value();
    if (!eventually([&] { return recorder.finished() > before; })) return false;
    partitions.insert(recorder.seen().back().partition);
    return partitions == std::set<int>{0, 1, 2};
  }));
}

}  // namespace
}  // namespace fairlead::conformance
