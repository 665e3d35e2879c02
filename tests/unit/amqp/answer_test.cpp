#include "support/amqp_server.hpp"
#include "support/resources.hpp"
#include "support/wait.hpp"
#include "unit/amqp/publishing_client.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

// What the broker answers to a publish other than an ack: a nack, the end of its channel or connection, or nothing.
namespace fairlead::amqp {
namespace {

using namespace std::chrono_literals;
using test::AmqpServer;
using test::eventually;

/// Closes what a message with the payload `poison` came on: its channel, or with it the connection.
AmqpServer::Hook refuse_poison(bool with_connection) {
  return [with_connection](Session& session, Frame const& frame) {
    if (frame.type != AMQP_FRAME_BODY || !frame.payload.starts_with("poison")) return false;
    if (with_connection) {
      close_connection(session, AMQP_INTERNAL_ERROR, "INTERNAL_ERROR");
    } else {
      session.close_channel(frame.channel, AMQP_PRECONDITION_FAILED, "PRECONDITION_FAILED - invalid message");
    }
    return true;
  };
}

class BadMessage : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Answer, BadMessage, testing::Bool(), [](auto const& poison) {
  return std::string(poison.param ? "WithItsConnection" : "WithItsChannel");
});

TEST_P(BadMessage, IsGivenUpAloneAndTheOthersAreConfirmedInOrder) {
  std::set<std::pair<int, std::uint16_t>> closed;  // connection and channel, or 0 for all of it
  auto const refuse = refuse_poison(GetParam());
  std::atomic<int> closures{0};
  AmqpServer server([&](Session& session, Frame const& frame) {
    auto const place = std::pair(session.number(), frame.channel);
    // As RabbitMQ does: what comes on a closed channel before the answer is dropped.
    if (method_of(frame) == AMQP_CHANNEL_CLOSE_OK_METHOD) closed.erase(place);
    if (closed.contains(place) || closed.contains({session.number(), 0})) return true;
    if (!refuse(session, frame)) return false;
    ++closures;
    closed.insert(GetParam() ? std::pair(session.number(), std::uint16_t{0}) : place);
    return true;
  });
  PublishingClient client(patient_config_for(server));
  Texts payloads;
  for (int i = 0; i < 100; ++i) {
    payloads.push_back((i % 40 == 20 ? "poison" : "") + std::to_string(i));
    client.publish(payloads.back());
  }

  ASSERT_TRUE(client.has_answers(100));

  Texts newest;
  std::set<std::string> seen;
  for (auto const& body : server.bodies()) {
    if (seen.insert(body).second) newest.push_back(body);
  }
  Texts good;
  for (auto const& payload : payloads) {
    bool const is_good = !payload.starts_with("poison");
    EXPECT_EQ(client.answer_to(payload).has_value(), is_good) << payload;
    if (is_good) {
      good.push_back(payload);
    } else {
      EXPECT_TRUE(client.answer_to(payload).error().maybe_applied);
      EXPECT_EQ(client.answer_to(payload).error().code, GetParam() ? Errc::kConnectionLost : Errc::kPreconditionFailed);
    }
  }
  EXPECT_EQ(newest, good) << "in the old order";
  EXPECT_LE(closures, 6) << "each of the two at most once among others and once alone, or once more";
}

TEST(Answer, AlonePoisonIsToldAtOnce) {
  AmqpServer server(refuse_poison(false));
  PublishingClient client(patient_config_for(server));
  auto const start = std::chrono::steady_clock::now();
  auto const refused = client.publisher.publish("poison", {.deadline = kLongTimeout});
  EXPECT_LT(since(start), kSlack);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kPreconditionFailed);
  EXPECT_TRUE(client.publisher.publish("fine"));
}

TEST(Answer, ANackIsReportedAndNotSentAgain) {
  AmqpServer server({}, hold_confirms);
  PublishingClient client(patient_config_for(server));
  client.publish("a");
  ASSERT_TRUE(have_arrived(server, 1));

  server.for_each([](Session& session) { session.confirm(session.publish_channel(), 1, false); });

  ASSERT_TRUE(client.has_answers(1));
  auto const error = client.answer_to("a").error();
  EXPECT_EQ(error.code, Errc::kRefused);
  EXPECT_TRUE(error.retryable);
  EXPECT_TRUE(error.maybe_applied) << "of several queues one may have taken it";
  EXPECT_EQ(server.bodies(), Texts{"a"});
}

TEST(Answer, AShortDeadlineOnAnIdleConnectionDoesNotCostTheConnection) {
  AmqpServer server({}, hold_confirms);
  auto config = patient_config_for(server);
  config.publish.window_messages = 1;
  PublishingClient client(config);
  auto const late = client.publisher.publish("late", {.deadline = 20ms});
  ASSERT_FALSE(late);
  // Its place in the window is free once the channel has noticed, too.
  client.publish("next");
  ASSERT_TRUE(eventually([&] { return !server.bodies().empty() && server.bodies().back() == "next"; }));
  auto const tag = server.bodies().size();  // on a machine so busy that `late` was never sent: 1
  server.for_each([&](Session& session) { session.confirm(session.publish_channel(), tag); });
  ASSERT_TRUE(client.has_answers(1));
  EXPECT_TRUE(client.answer_to("next"));
  EXPECT_EQ(server.accepted(), 1);
}

TEST(Answer, FewThatWaitAmongManyDoNotHoldTheMemoryOfAll) {
  // One of a hundred is not confirmed, as if its queue had no leader.
  std::atomic<std::uint64_t> arrived{0};
  AmqpServer server(
      [&](Session& session, Frame const& frame) {
        if (frame.type != AMQP_FRAME_BODY) return false;
        auto const tag = ++arrived;
        amqp_basic_ack_t ack{tag, 0};
        if (tag % 100 != 0) session.send_method(frame.channel, AMQP_BASIC_ACK_METHOD, &ack);
        return true;
      },
      hold_confirms);
  std::atomic<int> confirmed{0};
  PublishingClient client(patient_config_for(server));
  std::string const payload(1'000, 'x');
  auto const publish_all = [&](int count) {
    for (int i = 0; i < count; ++i)
      client.publisher.publish_async(payload, {}, [&](auto const& result) { confirmed += result.has_value(); });
  };
  publish_all(10'000);
  ASSERT_TRUE(eventually([&] { return confirmed == 9'900; }));
  auto const before = test::Resources::now();

  publish_all(140'000);

  ASSERT_TRUE(eventually([&] { return confirmed == 148'500; })) << confirmed;
  if (!test::kIsSanitized) {
    EXPECT_LT(test::Resources::now().resident_kib, before.resident_kib + 32 * 1'024)
        << "1,500 messages wait; a segment for each would be 92 MiB";
  }
  (void)client.broker->close(100ms);
}

}  // namespace
}  // namespace fairlead::amqp
