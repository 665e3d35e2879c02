#include "subscription_rig.hpp"

#include "observe/trace.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Gate;
using test::in;
using test::SubscriptionRig;

SubscriptionRig::Options with_retries(int max_attempts, bool dead_letter) {
  SubscriptionRig::Options options;
  options.config.retry = {.max_attempts = max_attempts, .initial = 1ms, .max = 2ms, .multiplier = 1.0};
  options.dead_letter = dead_letter;
  return options;
}

TEST(Failure, RetryInPlaceKeepsTheKeysOrderWhileOtherKeysGoOn) {
  Gate gate;
  std::mutex mutex;
  std::vector<std::string> order;
  auto options = with_retries(5, false);
  options.config.concurrency = 1;
  SubscriptionRig rig(options, [&](Delivery const& delivery) {
    std::lock_guard const lock(mutex);
    order.push_back(std::string(delivery.payload()) + "#" + std::to_string(delivery.attempt()));
    return delivery.payload() == "a1" && delivery.attempt() == 1 ? retry(50ms, "not yet") : ack();
  });
  rig.deliver({{.key = "a", .payload = "a1"}, {.key = "a", .payload = "a2"}, {.key = "b", .payload = "b1"}});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 3; }));
  EXPECT_EQ(order, (std::vector<std::string>{"a1#1", "b1#1", "a1#2", "a2#1"}));
  EXPECT_EQ(rig.stats().retried, 1U);
}

TEST(Failure, ThrowingHandlerIsRetriedAndThenDroppedWithItsReason) {
  std::atomic<int> attempts{0};
  SubscriptionRig rig(with_retries(3, false), [&](Delivery const&) -> Outcome {
    ++attempts;
    throw std::runtime_error("database down");
  });
  rig.deliver({{.key = "a"}});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(attempts, 3);
  auto const stats = rig.stats();
  EXPECT_EQ(stats.retried, 2U);
  EXPECT_EQ(stats.dropped, 1U);
  EXPECT_EQ(stats.handled, 0U);
  auto const records = rig.logger->records("handle");
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].level, LogLevel::kWarn);
  EXPECT_EQ(records[0].fields.at("result"), "retry");
  EXPECT_EQ(records[2].fields.at("result"), "dropped");
  EXPECT_EQ(records[2].fields.at("attempt"), "3");
  EXPECT_EQ(records[2].fields.at("error"), "database down");
}

TEST(Failure, AnythingAHandlerThrowsIsCaught) {
  SubscriptionRig rig(with_retries(1, false), [&](Delivery const&) -> Outcome { throw 42; });
  rig.deliver({{.key = "a"}});
  EXPECT_TRUE(eventually([&] { return rig.stats().dropped == 1; }));
}

TEST(Failure, DeadLetterIsConfirmedBeforeTheOriginalIsSettled) {
  SubscriptionRig rig(with_retries(2, true),
                      [](Delivery const& delivery) { return delivery.key() == "a" ? retry("no luck") : ack(); });
  rig.deliver({{.key = "a", .payload = "p", .headers = {{"message-id", "m-1"}, {"colour", "blue"}}}});
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  rig.deliver_keys({"b"});
  ASSERT_TRUE(eventually([&] { return rig.stats().handled == 1; })) << "the worker is through with the first one";
  ASSERT_EQ(rig.settled(), 0);
  EXPECT_EQ(rig.stats().dead_lettered, 0U);
  EXPECT_EQ(rig.stats().in_flight, 2U);
  rig.dead_letters->confirm(0);
  ASSERT_TRUE(eventually([&] { return rig.settled() == 2; }));
  EXPECT_EQ(rig.stats().dead_lettered, 1U);
  auto const letter = rig.dead_letters->at(0);
  EXPECT_EQ(letter.payload, "p");
  EXPECT_EQ(letter.key, "a");
  EXPECT_EQ(letter.id, "m-1");
  EXPECT_TRUE(is_traceparent(letter.traceparent));
  EXPECT_EQ(letter.headers.get("colour"), "blue");
  EXPECT_EQ(letter.headers.get("fairlead-attempts"), "2");
  EXPECT_EQ(letter.headers.get("fairlead-error"), "no luck");
}

TEST(Failure, RejectedMessageBecomesADeadLetterAtOnce) {
  SubscriptionRig rig(with_retries(5, true), [](Delivery const&) { return reject("no such account"); });
  rig.deliver({{.key = "a"}});
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  EXPECT_EQ(rig.dead_letters->at(0).headers.get("fairlead-attempts"), "1");
  EXPECT_EQ(rig.dead_letters->at(0).headers.get("fairlead-error"), "no such account");
}

TEST(Failure, DeadLetterThatFailsIsPublishedAgainUntilItIsConfirmed) {
  std::atomic<int> attempts{0};
  std::atomic<int> others{0};
  SubscriptionRig rig(with_retries(1, true), [&](Delivery const& delivery) {
    if (delivery.key() == "good") {
      ++others;
      return ack();
    }
    ++attempts;
    return retry("no luck");
  });
  rig.deliver_keys({"bad", "bad", "good"});
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  EXPECT_TRUE(eventually([&] { return others == 1; })) << "no worker waits for the dead letter";
  rig.dead_letters->fail(0);
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 2; }));
  EXPECT_EQ(rig.settled(), 0);
  EXPECT_EQ(attempts, 1) << "it is not handled again, and its key waits";
  rig.dead_letters->confirm(1);
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 3; }));
  rig.dead_letters->confirm(2);
  EXPECT_TRUE(eventually([&] { return rig.settled() == 3; }));
}

TEST(Failure, DeadLetterThatTheSinkRefusesIsPublishedAgain) {
  SubscriptionRig rig(with_retries(1, true), [](Delivery const&) { return reject("x"); });
  rig.dead_letters->refuses = true;
  rig.deliver_keys({"a"});
  ASSERT_TRUE(eventually([&] {
    return !rig.logger->records("handle").empty() && rig.logger->records("handle").back().level == LogLevel::kError;
  }));
  EXPECT_EQ(rig.settled(), 0);
  rig.dead_letters->refuses = false;
  ASSERT_TRUE(eventually([&] { return rig.dead_letters->published() == 1; }));
  rig.dead_letters->confirm(0);
  EXPECT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_TRUE(eventually([&] { return rig.window->pending() == 0; }));
}

TEST(Failure, ExpiredMessageIsDroppedWithoutItsHandler) {
  std::atomic<int> handled{0};
  SubscriptionRig rig(with_retries(1, true), [&](Delivery const&) {
    ++handled;
    return ack();
  });
  rig.deliver({{.key = "a", .expires_at_ms = 1}, {.key = "b", .expires_at_ms = 32'503'680'000'000}});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 2; }));
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(rig.stats().dropped, 1U);
  EXPECT_EQ(rig.dead_letters->published(), 0U);
  EXPECT_EQ(rig.logger->records("handle").front().fields.at("result"), "expired");
}

TEST(Failure, HandlerPastItsTimeoutIsReportedOnceAndCounted) {
  Gate gate;
  auto options = with_retries(1, false);
  options.config.timeout = 20ms;
  SubscriptionRig rig(options, [gate](Delivery const&) {
    gate.wait();
    return ack();
  });
  rig.deliver_keys({"a"});
  ASSERT_TRUE(eventually([&] { return rig.stats().overrun == 1; }));
  gate.open();
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  EXPECT_EQ(rig.stats().overrun, 1U);
  auto const record = rig.logger->records("handle").front();
  EXPECT_EQ(record.level, LogLevel::kWarn);
  EXPECT_EQ(record.fields.at("position"), "1");
}

TEST(Trace, HandlerContinuesTheMessagesTrace) {
  constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  std::mutex mutex;
  std::vector<std::string> seen;
  SubscriptionRig rig({}, [&](Delivery const& delivery) {
    std::lock_guard const lock(mutex);
    EXPECT_EQ(current_traceparent(), delivery.traceparent());
    seen.emplace_back(delivery.traceparent());
    return ack();
  });
  rig.deliver({{.key = "a", .headers = {{"traceparent", std::string(kParent)}}}, {.key = "b"}});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 2; }));
  EXPECT_EQ(trace_id_of(seen[0]), trace_id_of(kParent));
  EXPECT_NE(seen[0], kParent) << "a span of its own";
  EXPECT_TRUE(is_traceparent(seen[1]));
  EXPECT_NE(trace_id_of(seen[1]), trace_id_of(kParent));
  EXPECT_TRUE(current_traceparent().empty());
}

TEST(HandleLog, WritesOneRecordPerHandledMessage) {
  SubscriptionRig rig({}, [](Delivery const&) { return ack(); });
  rig.deliver({{.key = "a", .headers = {{"message-id", "m-1"}}}});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 1; }));
  auto const records = rig.logger->records("handle");
  ASSERT_EQ(records.size(), 1U);
  auto const& fields = records[0].fields;
  EXPECT_EQ(records[0].level, LogLevel::kDebug);
  EXPECT_EQ(fields.at("destination"), "orders");
  EXPECT_EQ(fields.at("group"), "billing");
  EXPECT_EQ(fields.at("message_id"), "m-1");
  EXPECT_EQ(fields.at("key"), "a");
  EXPECT_EQ(fields.at("attempt"), "1");
  EXPECT_EQ(fields.at("result"), "ack");
  EXPECT_EQ(fields.at("trace_id").size(), 32U);
  EXPECT_GE(std::stod(fields.at("duration_ms")), 0.0);
  EXPECT_EQ(fields.count("error"), 0U);
}

TEST(HandleLog, SuccessIsSilentAboveDebug) {
  SubscriptionRig rig({}, [](Delivery const&) { return ack(); });
  rig.logger->level = LogLevel::kInfo;
  rig.deliver_keys({"a", "b"});
  ASSERT_TRUE(eventually([&] { return rig.settled() == 2; }));
  EXPECT_TRUE(rig.logger->records("handle").empty());
}

}  // namespace
}  // namespace fairlead
