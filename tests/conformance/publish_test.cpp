#include "conformance/conformance.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

namespace fairlead::conformance {
namespace {

using Publishing = Conformance;
INSTANTIATE_TEST_SUITE_P(On, Publishing, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Publishing, ConfirmedPublishReturnsItsReceipt) {
  auto broker = open(config());
  auto publisher = broker->publisher(destination_).value();

  Receipt const first = publisher.publish("one").value();
  Receipt const second = publisher.publish("two").value();

  EXPECT_EQ(first.id.size(), 36U) << first.id;
  EXPECT_NE(first.id, second.id);
  if (broker->capabilities().receipts_with_position) {
    EXPECT_EQ(first.partition, 0);
    EXPECT_GE(first.position, 0);
    EXPECT_GT(second.position, first.position);
  }
}

TEST_P(Publishing, PublishedMessageIsHandledAtItsReceiptsPosition) {
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  Receipt const receipt = broker->publisher(destination_).value().publish("one", {.key = "k"}).value();

  ASSERT_TRUE(eventually([&] { return recorder.begun() == 1; }));
  Seen const seen = recorder.seen().front();
  EXPECT_EQ(seen.payload, "one");
  EXPECT_EQ(seen.key, "k");
  EXPECT_EQ(seen.id, receipt.id);
  EXPECT_EQ(seen.destination, destination_);
  EXPECT_EQ(seen.group, group_of("billing"));
  EXPECT_EQ(seen.attempt, 1U);
  EXPECT_FALSE(seen.redelivered);
  if (broker->capabilities().receipts_with_position) {
    EXPECT_EQ(seen.partition, receipt.partition);
    EXPECT_EQ(seen.position, receipt.position);
  }
}

TEST_P(Publishing, BatchResultsAreInTheOrderOfTheMessages) {
  auto configuration = config();
  configuration.publish.max_message_bytes = 10'000;
  auto broker = open(configuration);
  auto publisher = broker->publisher(destination_).value();
  std::vector<Message> messages;
  for (int index = 0; index < 50; ++index) messages.push_back({.payload = "m", .id = "id-" + std::to_string(index)});
  messages[20].payload.assign(20'000, 'x');

  auto const results = publisher.publish_batch(messages);

  ASSERT_EQ(results.size(), 50U);
  for (std::size_t index = 0; index < results.size(); ++index) {
    if (index == 20) {
      ASSERT_FALSE(results[index]);
      EXPECT_EQ(results[index].error().code, Errc::kTooLarge);
    } else {
      ASSERT_TRUE(results[index]) << results[index].error().message;
      EXPECT_EQ(results[index]->id, messages[index].id);
    }
  }
}

TEST_P(Publishing, EachOfAThousandAsyncPublishesFromEightThreadsCompletesOnce) {
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kEach = 125;
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto publisher = broker->publisher(destination_).value();
  std::vector<std::atomic<int>> confirmed(kThreads * kEach);
  std::atomic<int> failed{0};

  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t index = thread * kEach; index < (thread + 1) * kEach; ++index) {
        publisher.publish_async(std::to_string(index), {}, [&confirmed, &failed, index](auto const& result) {
          ++(result ? confirmed[index] : failed);
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(publisher.flush(kPatience));

  EXPECT_EQ(failed, 0);
  EXPECT_TRUE(std::all_of(confirmed.begin(), confirmed.end(), [](auto const& times) { return times == 1; }));
  EXPECT_TRUE(eventually([&] { return recorder.begun() >= kThreads * kEach; }));
  EXPECT_EQ(recorder.distinct_payloads().size(), kThreads * kEach);
}

/// Publishes the next message from the completion of the one before.
struct Chain {
  Publisher publisher;
  std::atomic<int> confirmed{0};
  std::atomic<bool> broken{false};

  void publish(int left) {
    publisher.publish_async("link", {}, [this, left](Result<Receipt> const& result) {
      if (!result) broken = true;
      ++confirmed;
      if (left > 1 && result) publish(left - 1);
      something_changed();
    });
  }
};

TEST_P(Publishing, CompletionMayPublishAgain) {
  auto broker = open(config());
  Chain chain{broker->publisher(destination_).value()};

  chain.publish(20);

  EXPECT_TRUE(eventually([&] { return chain.confirmed == 20 || chain.broken; }));
  EXPECT_FALSE(chain.broken);
  ASSERT_TRUE(broker->flush(kPatience));
}

TEST_P(Publishing, WaitingInACompletionIsRefused) {
  auto broker = open(config());
  auto publisher = broker->publisher(destination_).value();
  std::mutex mutex;
  std::optional<Error> answer;

  publisher.publish_async("outer", {}, [&](Result<Receipt> const&) {
    auto const inner = publisher.publish("inner");
    std::lock_guard const lock(mutex);
    if (!inner) answer = inner.error();
  });
  ASSERT_TRUE(broker->flush(kPatience));

  std::lock_guard const lock(mutex);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->code, Errc::kInvalidArgument) << answer->message;
}

TEST_P(Publishing, FlushWaitsForEveryPublishThatBegan) {
  auto broker = open(config());
  auto publisher = broker->publisher(destination_).value();
  std::atomic<int> completed{0};
  for (int index = 0; index < 500; ++index) publisher.publish_async("m", {}, [&](auto const&) { ++completed; });

  ASSERT_TRUE(broker->flush(kPatience));

  EXPECT_EQ(completed, 500);
}

TEST_P(Publishing, FullWindowAnswersWouldBlockOrTimeoutAndRecovers) {
  auto configuration = config();
  configuration.publish.window_messages = 1;
  auto broker = open(configuration);
  auto publisher = broker->publisher(destination_).value();
  // A completion that does not return keeps the answers of later publishes waiting, and so the window full.
  Gate gate;
  std::atomic<int> ended{0};
  std::atomic<bool> held{false};
  publisher.publish_async("first", {}, [&](auto const&) {
    held = true;
    something_changed();
    gate.wait();
    ++ended;
  });
  ASSERT_TRUE(eventually([&] { return held.load(); }));
  publisher.publish_async("second", {.wait_for_room = false}, [&](auto const&) { ++ended; });

  auto const late = publisher.publish("late", {.deadline = 50ms});
  auto const at_once = publisher.publish("at once", {.wait_for_room = false});

  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::kTimeout) << late.error().message;
  EXPECT_FALSE(late.error().maybe_applied);
  ASSERT_FALSE(at_once);
  EXPECT_EQ(at_once.error().code, Errc::kWouldBlock) << at_once.error().message;
  EXPECT_EQ(publish_status(at_once), PublishStatus::kNotPersisted);

  gate.open();
  ASSERT_TRUE(broker->flush(kPatience));
  EXPECT_EQ(ended, 2);
  EXPECT_TRUE(publisher.publish("again"));
}

}  // namespace
}  // namespace fairlead::conformance
