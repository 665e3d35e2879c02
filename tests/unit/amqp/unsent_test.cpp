#include "support/amqp_server.hpp"
#include "unit/amqp/publishing_client.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <string_view>

// What cannot be sent, because the broker blocks or there is no connection: it waits, and is told apart from what was
// sent.
namespace fairlead::amqp {
namespace {

using namespace std::chrono_literals;
using test::AmqpServer;

/// connection.blocked.
void block(AmqpServer& server, std::string_view reason) {
  server.for_each([&](Session& session) {
    amqp_connection_blocked_t blocked{to_bytes(reason)};
    session.send_method(0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
  });
}

TEST(Unsent, NothingIsSentWhileTheBrokerBlocksAndAllOfItAfterwards) {
  AmqpServer server;
  PublishingClient client(patient_config_for(server));
  ASSERT_TRUE(client.publisher.publish("before"));
  block(server, "low on memory");
  ASSERT_TRUE(client.becomes(ConnectionState::kBlocked));
  auto const problem = client.broker->health().problem;
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->code, Errc::kBlocked);
  EXPECT_NE(problem->message.find("low on memory"), std::string::npos) << problem->message;

  client.publish("waits");
  auto const late = client.publisher.publish("late", {.deadline = 100ms});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::kBlocked) << late.error().message;
  EXPECT_EQ(publish_status(late), PublishStatus::kNotPersisted) << "it was never sent";
  EXPECT_TRUE(late.error().retryable);
  for (auto const* part : {"publish.deadline", "low on memory", "vm_memory_high_watermark"}) {
    EXPECT_NE(late.error().message.find(part), std::string::npos) << late.error().message;
  }
  EXPECT_EQ(server.bodies(), Texts{"before"});

  server.for_each([](Session& session) {
    amqp_connection_unblocked_t unblocked{};
    session.send_method(0, AMQP_CONNECTION_UNBLOCKED_METHOD, &unblocked);
  });

  ASSERT_TRUE(client.has_answers(1));
  EXPECT_TRUE(client.answer_to("waits"));
  EXPECT_EQ(server.bodies(), (Texts{"before", "waits"}));
  EXPECT_EQ(client.broker->health().state, ConnectionState::kConnected);
  EXPECT_FALSE(client.broker->health().problem);
}

TEST(Unsent, WhatWasSentBeforeTheBrokerBlockedIsMaybeApplied) {
  AmqpServer server({}, hold_confirms);
  PublishingClient client(patient_config_for(server));
  client.publish("sent", {.deadline = 300ms});
  ASSERT_TRUE(have_arrived(server, 1));
  block(server, "low on disk");
  ASSERT_TRUE(client.becomes(ConnectionState::kBlocked));
  ASSERT_TRUE(client.has_answers(1));
  EXPECT_EQ(client.answer_to("sent").error().code, Errc::kTimeout);
  EXPECT_EQ(publish_status(client.answer_to("sent")), PublishStatus::kUnknown);
}

TEST(Unsent, WhatHadNoConnectionUntilItsDeadlineIsNotPersistedAndStaysUnsent) {
  std::atomic<bool> is_back{false};
  AmqpServer server({}, [&](Session& session) {
    if (session.number() > 1 && !is_back) session.hang_up();
  });
  PublishingClient client(patient_config_for(server));
  ASSERT_TRUE(client.publisher.publish("before"));
  reset_connections(server);
  ASSERT_TRUE(client.becomes(ConnectionState::kConnecting));

  auto const late = client.publisher.publish("late", {.deadline = 150ms});

  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::kTimeout) << late.error().message;
  EXPECT_EQ(publish_status(late), PublishStatus::kNotPersisted);
  EXPECT_TRUE(late.error().retryable);
  auto const address = "127.0.0.1:" + std::to_string(server.port());
  for (auto const& part : {std::string("publish.deadline"), address}) {
    EXPECT_NE(late.error().message.find(part), std::string::npos) << late.error().message;
  }
  is_back = true;
  EXPECT_TRUE(client.publisher.publish("after"));
  EXPECT_EQ(server.bodies(), (Texts{"before", "after"}));
}

}  // namespace
}  // namespace fairlead::amqp
