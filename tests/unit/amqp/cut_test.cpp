#include "support/amqp_server.hpp"
#include "support/notebook.hpp"
#include "support/resources.hpp"
#include "support/wait.hpp"
#include "unit/amqp/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

// Connections that break at every byte, and again and again.
namespace fairlead::amqp {
namespace {

using namespace std::chrono_literals;
using test::AmqpServer;
using test::eventually;

constexpr int kMessages = 6;
constexpr std::size_t kPayload = 700;
// Of the direction in which little is said: logging in, declaring, and some acks.
constexpr std::size_t kShortest = 200;

/// Delivers `kMessages` to every consumer, named after the connection.
bool feed_consumers(Session& session, Frame const& frame) {
  if (method_of(frame) != AMQP_BASIC_CONSUME_METHOD) return false;
  accept_consumer(session, frame.channel);
  for (int i = 1; i <= kMessages; ++i) {
    auto payload = std::to_string(session.number()) + "/" + std::to_string(i) + ":";
    payload.resize(kPayload, 'x');
    deliver(session, frame.channel, kNoProperties, payload.size(), payload, static_cast<std::uint64_t>(i));
  }
  return true;
}

/// A server and a client of it whose connections can be broken one after the other.
class Breaking : public testing::Test {
 protected:
  Breaking() {
    auto config = config_for(server_);
    config.connection.connect_timeout = 10s;
    config.connection.backoff_initial = 1ms;
    config.connection.backoff_max = 2ms;
    broker_ = Broker::open(config, {.logger = std::make_shared<test::Notebook>(LogLevel::kError)}).value();
  }

  /// Resets the connection there is; the next one is cut by `cut`.
  void break_connection(std::function<void(Session&)> cut) {
    {
      std::lock_guard const lock(mutex_);
      cut_ = std::move(cut);
    }
    auto const before = server_.accepted();
    reset_connections(server_);
    ASSERT_TRUE(eventually([&] { return server_.accepted() > before; }));
    broken_ = before + 1;
  }
  /// The session was over before this byte, and no other came after it.
  [[nodiscard]] bool is_past_the_end(std::size_t place) const {
    if (server_.accepted() != broken_) return false;
    EXPECT_GT(place, kShortest);
    return true;
  }
  void accept(Session& session) {
    std::lock_guard const lock(mutex_);
    if (cut_) std::exchange(cut_, {})(session);
  }

  std::mutex mutex_;
  std::function<void(Session&)> cut_;
  int broken_ = 0;
  AmqpServer server_{&feed_consumers, [this](Session& session) { accept(session); }};
  std::unique_ptr<Broker> broker_;
};

using Cutter = void (Session::*)(std::size_t);

class Cut : public Breaking, public testing::WithParamInterface<Cutter> {};
INSTANTIATE_TEST_SUITE_P(AtEveryByte, Cut, testing::Values(&Session::cut_after_sent, &Session::cut_after_received),
                         [](auto const& cut) {
                           return std::string(cut.param == &Session::cut_after_sent ? "FromTheBroker" : "ToTheBroker");
                         });

TEST_P(Cut, OfASessionThatPublishesLosesNothing) {
  auto publisher = broker_->publisher("orders").value();
  std::size_t published = 0;
  for (std::size_t place = 1; place <= kLastCut; place += kStep) {
    ASSERT_NO_FATAL_FAILURE(break_connection([&](Session& session) { (session.*GetParam())(place); }));
    std::atomic<int> confirmed{0};
    std::atomic<int> ended{0};
    for (int i = 0; i < kMessages; ++i, ++published) {
      auto payload = std::to_string(published) + ":";
      payload.resize(kPayload, 'x');
      publisher.publish_async(payload, {}, [&](auto const& result) {
        confirmed += result.has_value();
        ++ended;
        test::something_changed();
      });
    }
    ASSERT_TRUE(eventually([&] { return ended == kMessages; })) << "cut after byte " << place;
    ASSERT_EQ(confirmed, kMessages) << "cut after byte " << place;
    if (is_past_the_end(place)) break;
  }
  std::size_t newest = 0;
  for (auto const& body : server_.bodies()) {
    auto const number = std::stoull(body.substr(0, body.find(':')));
    ASSERT_LE(number, newest) << "a later one came first";
    newest = std::max<std::size_t>(newest, number + 1);
  }
  EXPECT_EQ(newest, published);
}

TEST_P(Cut, OfASessionThatConsumesIsFollowedByOneThatWorks) {
  std::atomic<int> latest{0};  // connection of which the last message was handled
  auto billing = broker_
                     ->subscribe("billing",
                                 [&](Delivery const& delivery) {
                                   auto const payload = std::string(delivery.payload());
                                   if (payload.find("/" + std::to_string(kMessages) + ":") != std::string::npos) {
                                     latest = std::stoi(payload);
                                     test::something_changed();
                                   }
                                   return ack();
                                 })
                     .value();
  for (std::size_t place = 1; place <= kLastCut; place += kStep) {
    ASSERT_NO_FATAL_FAILURE(break_connection([&](Session& session) { (session.*GetParam())(place); }));
    ASSERT_TRUE(eventually([&] { return latest >= server_.accepted(); })) << "cut after byte " << place;
    if (is_past_the_end(place)) break;
  }
}

// --- and do it a thousand times

TEST_F(Breaking, AThousandTimesLeavesMemoryDescriptorsAndThreadsAsTheyWere) {
  std::atomic<int> latest{0};
  auto publisher = broker_->publisher("orders").value();
  auto billing = broker_
                     ->subscribe("billing",
                                 [&](Delivery const& delivery) {
                                   auto const payload = std::string(delivery.payload());
                                   latest = std::max(latest.load(), std::stoi(payload));
                                   test::something_changed();
                                   return ack();
                                 })
                     .value();
  ASSERT_TRUE(publisher.publish("m"));
  std::optional<test::Resources> warm;
  for (int round = 1; round <= 1'000; ++round) {
    auto const before = broker_->health().reconnects;
    auto const connections = server_.accepted();
    reset_connections(server_);
    ASSERT_TRUE(eventually([&] { return broker_->health().reconnects >= before + 2; })) << "of both";
    ASSERT_TRUE(eventually([&] { return latest > connections; })) << "consuming again";
    ASSERT_TRUE(publisher.publish("m")) << "publishing again";
    if (round != 300 && round != 1'000) continue;
    auto const now = test::Resources::now();
    std::printf("after %d reconnects of both connections: %zu KiB resident, %zu descriptors, %zu threads\n", round,
                now.resident_kib, now.descriptors, now.threads);
    if (!warm) {
      warm = now;
      continue;
    }
    EXPECT_TRUE(test::kIsSanitized || now.resident_kib <= warm->resident_kib + 1'024);
    EXPECT_EQ(now.descriptors, warm->descriptors);
    EXPECT_EQ(now.threads, warm->threads);
  }
}

}  // namespace
}  // namespace fairlead::amqp
