#include "core/thread.hpp"
#include "fake_broker.hpp"
#include "support/notebook.hpp"
#include "support/wait.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::Answers;
using test::FakeBroker;
using test::Gate;
using test::Notebook;
using Strings = std::vector<std::string>;

Config orders_config() {
  Config config;
  config.destinations["orders"];
  config.subscriptions["billing"].destination = "orders";
  config.subscriptions["billing"].group = "billing";
  config.subscriptions["billing"].dead_letter = false;
  config.subscriptions["watch"] = config.subscriptions["billing"];
  config.subscriptions["watch"].group = "watch";
  config.connection.close_timeout = 20s;
  return config;
}

struct Rig {
  std::shared_ptr<Notebook> notebook = std::make_shared<Notebook>();
  std::unique_ptr<FakeBroker> broker = std::make_unique<FakeBroker>(orders_config(), notebook);
  std::shared_ptr<test::Journal> journal = broker->journal;
};

TEST(BrokerClose, EndsSourcesBeforeTheConnection) {
  Rig rig;
  auto const subscription = rig.broker->subscribe("billing", [](Delivery const&) { return ack(); }).value();
  EXPECT_TRUE(rig.broker->close(20s));
  auto const entries = rig.journal->entries();
  auto const at = [&](std::string const& entry) { return std::find(entries.begin(), entries.end(), entry); };
  ASSERT_NE(at("close"), entries.end());
  EXPECT_LT(at("stop intake"), at("close source"));
  EXPECT_LT(at("close source"), at("close"));
  auto const records = rig.notebook->entries("connection");
  ASSERT_FALSE(records.empty());
  EXPECT_EQ(records.back().text, "closed");
}

TEST(BrokerClose, StopsTheIntakeOfAllBeforeItWaitsForAHandler) {
  Rig rig;
  Gate running;
  Gate release;
  auto const busy = [=](Delivery const&) {
    running.open();
    release.wait();
    return ack();
  };
  auto const billing = rig.broker->subscribe("billing", busy).value();
  rig.broker->source->deliver("one");
  ASSERT_TRUE(running.wait());
  auto const watch = rig.broker->subscribe("watch", busy).value();
  Thread closer("closer", [&] { EXPECT_TRUE(rig.broker->close(20s)); });
  EXPECT_TRUE(test::eventually([&] {
    auto const entries = rig.journal->entries();
    return std::count(entries.begin(), entries.end(), "stop intake") >= 2;
  }));
  release.open();
}

TEST(BrokerClose, MayBeCalledAgainAndByManyThreads) {
  Rig rig;
  std::atomic<int> closed = 0;
  {
    std::vector<Thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back("closer", [&] {
        if (rig.broker->close(20s)) ++closed;
      });
    }
  }
  EXPECT_EQ(closed, 4);
  EXPECT_TRUE(rig.broker->close(20s));
  auto const entries = rig.journal->entries();
  EXPECT_EQ(std::count(entries.begin(), entries.end(), "close"), 1);
}

TEST(BrokerClose, DestructorCloses) {
  Rig rig;
  rig.broker.reset();
  EXPECT_EQ(rig.journal->entries(), (Strings{"close"}));
}

TEST(BrokerClose, EverythingAnswersClosedAfterwards) {
  Rig rig;
  auto publisher = rig.broker->publisher("orders").value();
  EXPECT_TRUE(rig.broker->close(20s));
  EXPECT_EQ(publisher.publish("one").error().code, Errc::kClosed);
  EXPECT_EQ(rig.broker->publisher("orders").error().code, Errc::kClosed);
  EXPECT_EQ(rig.broker->declare("orders").error().code, Errc::kClosed);
  EXPECT_EQ(rig.broker->subscribe("billing", [](Delivery const&) { return ack(); }).error().code, Errc::kClosed);
  rig.broker.reset();
  EXPECT_EQ(publisher.publish("one").error().code, Errc::kClosed);
}

TEST(BrokerClose, PublishesWithoutAnAnswerEndAsClosedAndUnknown) {
  Rig rig;
  rig.broker->confirms = false;
  Answers answers;
  rig.broker->publisher("orders").value().publish_async("one", {}, answers.completion());
  auto const closed = rig.broker->close(50ms);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, Errc::kTimeout);
  ASSERT_TRUE(answers.wait_for(1));
  EXPECT_EQ(answers.results()[0].error().code, Errc::kClosed);
  EXPECT_EQ(publish_status(answers.results()[0]), PublishStatus::kUnknown);
}

TEST(BrokerClose, IsRefusedInsideACompletion) {
  Rig rig;
  std::optional<Errc> closed;
  std::optional<Errc> drained;
  Gate done;
  rig.broker->publisher("orders").value().publish_async("one", {}, [&, done](Result<Receipt> const&) {
    closed = rig.broker->close(1s).error().code;
    drained = rig.broker->drain(1s).error().code;
    done.open();
  });
  ASSERT_TRUE(done.wait());
  EXPECT_EQ(closed, Errc::kInvalidArgument);
  EXPECT_EQ(drained, Errc::kInvalidArgument);
}

TEST(BrokerClose, IsRefusedInsideAHandlerOfAnySubscription) {
  Rig rig;
  std::optional<Errc> closed;
  std::optional<Errc> drained;
  auto const subscription = rig.broker
                                ->subscribe("billing",
                                            [&](Delivery const&) {
                                              closed = rig.broker->close(1s).error().code;
                                              drained = rig.broker->drain(1s).error().code;
                                              return ack();
                                            })
                                .value();
  rig.broker->source->deliver("one");
  ASSERT_TRUE(rig.journal->wait_for("settle 1"));
  EXPECT_EQ(closed, Errc::kInvalidArgument);
  EXPECT_EQ(drained, Errc::kInvalidArgument);
}

TEST(BrokerClose, ReturnsByItsDeadlineThoughAHandlerIsStuck) {
  Rig rig;
  Gate release;
  Gate running;
  {
    auto const subscription = rig.broker
                                  ->subscribe("billing",
                                              [=](Delivery const&) {
                                                running.open();
                                                release.wait();
                                                return ack();
                                              })
                                  .value();
    rig.broker->source->deliver("one");
    ASSERT_TRUE(running.wait());
    auto const began = std::chrono::steady_clock::now();
    auto const closed = rig.broker->close(100ms);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().code, Errc::kTimeout);
    auto const records = rig.notebook->entries("connection");
    ASSERT_FALSE(records.empty());
    EXPECT_EQ(records.back().level, LogLevel::kWarn);
    release.open();
  }
}

TEST(BrokerClose, ReturnsByItsDeadlineThoughACompletionIsStuck) {
  Rig rig;
  Gate release;
  rig.broker->publisher("orders").value().publish_async("one", {}, [=](Result<Receipt> const&) { release.wait(); });
  auto const began = std::chrono::steady_clock::now();
  auto const closed = rig.broker->close(100ms);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, Errc::kTimeout);
  release.open();
}

TEST(BrokerClose, EndsASubscriptionThatWasBeingSetUp) {
  Rig rig;
  auto const watch = rig.broker->subscribe("watch", [](Delivery const&) { return ack(); }).value();
  Gate opening;
  Gate proceed;
  rig.broker->interfere = [=](std::string const& step) -> Result<void> {
    if (step.starts_with("open source")) {
      opening.open();
      proceed.wait();
    }
    return {};
  };
  std::optional<Result<Subscription>> subscription;
  Thread subscriber("subscriber",
                    [&] { subscription = rig.broker->subscribe("billing", [](Delivery const&) { return ack(); }); });
  ASSERT_TRUE(opening.wait());
  Thread closer("closer", [&] { EXPECT_TRUE(rig.broker->close(20s)); });
  ASSERT_TRUE(rig.journal->wait_for("stop intake")) << "of the watch: the close has begun";
  proceed.open();
  closer.join();
  subscriber.join();
  auto const entries = rig.journal->entries();
  auto const at = [&](std::string const& entry) { return std::find(entries.begin(), entries.end(), entry); };
  EXPECT_EQ(std::count(entries.begin(), at("close"), "close source"), 2);
}

TEST(BrokerClose, SubscriptionMayOutliveItsBroker) {
  Rig rig;
  auto subscription = rig.broker->subscribe("billing", [](Delivery const&) { return ack(); }).value();
  rig.broker.reset();
  EXPECT_TRUE(subscription.stop(20s));
  EXPECT_EQ(subscription.stats().handled, 0U);
}

}  // namespace
}  // namespace fairlead
