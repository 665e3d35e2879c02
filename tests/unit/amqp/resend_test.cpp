#include "amqp/frame_writer.hpp"
#include "support/amqp_server.hpp"
#include "support/wait.hpp"
#include "unit/amqp/publishing_client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <string>

// What becomes of messages that were sent and not confirmed when their connection breaks.
namespace fairlead::amqp {
namespace {

using namespace std::chrono_literals;
using test::AmqpServer;
using test::eventually;

/// Publishes are not confirmed on the first connection.
void hold_confirms_of_the_first(Session& session) { session.confirm_by_itself(session.number() > 1); }

TEST(Resend, WhatWasNotConfirmedIsSentAgainInOrderBeforeAnythingNewer) {
  AmqpServer server({}, hold_confirms_of_the_first);
  PublishingClient client(patient_config_for(server));
  Texts payloads;
  for (int i = 0; i < 500; ++i) {
    payloads.push_back(std::to_string(i));
    client.publish(payloads.back());
  }
  ASSERT_TRUE(have_arrived(server, 500));
  auto const first = server.published();

  server.for_each([](Session& session) { session.fall_silent(); });
  for (int i = 500; i < 600; ++i) {
    payloads.push_back(std::to_string(i));
    client.publish(payloads.back());
  }
  reset_connections(server);

  ASSERT_TRUE(client.has_answers(600));
  for (auto const& payload : payloads) EXPECT_TRUE(client.answer_to(payload)) << payload;
  auto const all = server.published();
  ASSERT_EQ(all.size(), 1'100u);
  Texts again;
  for (std::size_t i = 500; i < all.size(); ++i) again.push_back(all[i].body);
  EXPECT_EQ(again, payloads);
  for (std::size_t i = 0; i < 500; ++i) EXPECT_EQ(all[500 + i].id, first[i].id) << "the same message";
  EXPECT_FALSE(first[0].id.empty());
  EXPECT_EQ(client.broker->health().reconnects, 1u);
}

TEST(Resend, WhatWasConfirmedIsNotSentAgain) {
  AmqpServer server({}, hold_confirms_of_the_first);
  PublishingClient client(patient_config_for(server));
  for (auto const* payload : {"a", "b", "c", "d"}) client.publish(payload);
  ASSERT_TRUE(have_arrived(server, 4));
  server.for_each([](Session& session) { session.confirm(session.publish_channel(), 2); });
  ASSERT_TRUE(client.has_answers(2));

  reset_connections(server);

  ASSERT_TRUE(client.has_answers(4));
  EXPECT_EQ(server.bodies(), (Texts{"a", "b", "c", "d", "c", "d"}));
}

TEST(Resend, ReportedInsteadAsTheConfigurationSays) {
  AmqpServer server({}, hold_confirms_of_the_first);
  auto config = patient_config_for(server);
  config.publish.unconfirmed = OnUnconfirmed::kReport;
  PublishingClient client(config);
  client.publish("a");
  ASSERT_TRUE(have_arrived(server, 1));

  reset_connections(server);

  ASSERT_TRUE(client.has_answers(1));
  EXPECT_EQ(client.answer_to("a").error().code, Errc::kConnectionLost);
  EXPECT_EQ(publish_status(client.answer_to("a")), PublishStatus::kUnknown);
  EXPECT_TRUE(client.publisher.publish("b"));
  EXPECT_EQ(server.bodies(), (Texts{"a", "b"}));
}

TEST(Resend, EndsWithTheDeadlineAsMaybeApplied) {
  AmqpServer server({}, [](Session& session) {
    session.confirm_by_itself(false);
    if (session.number() > 1) session.hang_up();
  });
  PublishingClient client(patient_config_for(server));
  client.publish("a", {.deadline = 300ms});
  ASSERT_TRUE(have_arrived(server, 1));

  reset_connections(server);

  ASSERT_TRUE(client.has_answers(1));
  EXPECT_EQ(client.answer_to("a").error().code, Errc::kTimeout);
  EXPECT_EQ(publish_status(client.answer_to("a")), PublishStatus::kUnknown);
}

TEST(Resend, LeavesOutWhatIsPastItsDeadline) {
  std::atomic<bool> is_back{false};
  AmqpServer server({}, [&](Session& session) {
    hold_confirms_of_the_first(session);
    if (session.number() > 1 && !is_back) session.hang_up();
  });
  PublishingClient client(patient_config_for(server));
  client.publish("short", {.deadline = 200ms});
  client.publish("long");
  ASSERT_TRUE(have_arrived(server, 2));
  reset_connections(server);
  ASSERT_TRUE(client.has_answers(1));

  is_back = true;

  ASSERT_TRUE(client.has_answers(2));
  EXPECT_TRUE(client.answer_to("long"));
  EXPECT_EQ(server.bodies(), (Texts{"short", "long", "long"}));
}

TEST(Resend, AMessageOfWhichOnlyAPartWasWrittenIsNotTakenForSent) {
  std::string const large(30'000'000, 'x');  // more than two sockets hold
  AmqpServer server({}, [](Session& session) {
    if (session.number() == 1) session.cut_after_received(20'000);
  });
  auto config = patient_config_for(server);
  config.publish.unconfirmed = OnUnconfirmed::kReport;
  config.publish.max_message_bytes = 2 * large.size();
  config.publish.window_bytes = 4 * large.size();
  PublishingClient client(config);
  client.publish(large);
  client.publish("behind it");
  ASSERT_TRUE(client.has_answers(2));
  EXPECT_TRUE(client.answer_to(large));
  EXPECT_TRUE(client.answer_to("behind it"));
  EXPECT_EQ(server.accepted(), 2);
  EXPECT_TRUE(server.bodies() == (Texts{large, "behind it"}));
}

TEST(Resend, ClosedBeforeTheSecondConfirmIsStillMaybeApplied) {
  AmqpServer server({}, [](Session& session) {
    session.confirm_by_itself(false);
    if (session.number() > 1) session.fall_silent();
  });
  PublishingClient client(patient_config_for(server));
  client.publish("a");
  ASSERT_TRUE(have_arrived(server, 1));
  reset_connections(server);
  ASSERT_TRUE(eventually([&] { return server.accepted() == 2; }));

  (void)client.broker->close(200ms);

  ASSERT_TRUE(client.has_answers(1));
  EXPECT_EQ(publish_status(client.answer_to("a")), PublishStatus::kUnknown) << client.answer_to("a").error().message;
}

/// Sends back as unroutable what is published to `nowhere`.
void send_back(Session& session, Texts const& ids) {
  for (auto const& id : ids) {
    amqp_basic_return_t fields{};
    fields.reply_code = AMQP_NO_ROUTE;
    fields.reply_text = to_bytes("NO_ROUTE");
    fields.exchange = to_bytes("orders");
    session.send_method(session.publish_channel(), AMQP_BASIC_RETURN_METHOD, &fields);
    std::string properties("\x00\x80", 2);  // message-id
    properties += static_cast<char>(id.size());
    properties += id;
    session.send_content(session.publish_channel(), properties, 4, "body");
  }
}

TEST(Resend, AReturnedMessageIsUnroutableEvenWhenItsConfirmIsLost) {
  AmqpServer server({}, hold_confirms_of_the_first);
  PublishingClient client(patient_config_for(server));
  client.publish("routed", {.id = "1"});
  client.publish("lost", {.id = "2"});
  ASSERT_TRUE(have_arrived(server, 2));

  server.for_each([](Session& session) {
    send_back(session, {"2"});
    session.hang_up();
  });

  ASSERT_TRUE(client.has_answers(2));
  EXPECT_TRUE(client.answer_to("routed"));
  EXPECT_EQ(publish_status(client.answer_to("lost")), PublishStatus::kUnroutable);
  EXPECT_EQ(server.bodies(), (Texts{"routed", "lost", "routed"}));
}

TEST(Resend, ReturnedOnTheSecondConnectionOnlyIsUnknown) {
  AmqpServer server({}, hold_confirms);
  PublishingClient client(patient_config_for(server));
  client.publish("a", {.id = "1"});
  ASSERT_TRUE(have_arrived(server, 1));
  reset_connections(server);
  ASSERT_TRUE(have_arrived(server, 2));

  server.for_each([](Session& session) {
    send_back(session, {"1"});
    session.confirm(session.publish_channel(), 1);
  });

  ASSERT_TRUE(client.has_answers(1));
  EXPECT_EQ(client.answer_to("a").error().code, Errc::kUnroutable);
  EXPECT_EQ(publish_status(client.answer_to("a")), PublishStatus::kUnknown) << "the first time it may have had a queue";
}

TEST(Resend, LargeMessagesAreCutAnewForABrokerWithSmallerFrames) {
  std::atomic<std::size_t> largest{0};
  AmqpServer server(
      [&](Session& session, Frame const& frame) {
        if (session.number() == 1) return false;
        largest = std::max(largest.load(), frame.payload.size() + kFrameOverhead);
        if (method_of(frame) != AMQP_CONNECTION_START_OK_METHOD) return false;
        amqp_connection_tune_t tune{2047, 4'096, 60};
        session.send_method(0, AMQP_CONNECTION_TUNE_METHOD, &tune);
        return true;
      },
      hold_confirms_of_the_first);
  PublishingClient client(patient_config_for(server));
  std::string const large(300'000, 'x');
  Headers headers;
  headers.set("large", std::string(5'000, 'h'));
  client.publish(large);
  client.publish("with large headers", {.headers = headers});
  client.publish("small");
  ASSERT_TRUE(have_arrived(server, 3));

  reset_connections(server);

  ASSERT_TRUE(client.has_answers(3));
  EXPECT_TRUE(client.answer_to(large));
  EXPECT_TRUE(client.answer_to("small"));
  EXPECT_EQ(client.answer_to("with large headers").error().code, Errc::kTooLarge);
  EXPECT_EQ(publish_status(client.answer_to("with large headers")), PublishStatus::kUnknown);
  EXPECT_EQ(server.bodies(), (Texts{large, "with large headers", "small", large, "small"}));
  EXPECT_EQ(largest, 4'096u);
}

TEST(Resend, WhatWasSentOnceAndWaitsToBeSentAgainIsMaybeApplied) {
  AmqpServer server({}, [](Session& session) {
    session.confirm_by_itself(false);
    if (session.number() > 1) session.fall_silent();
  });
  PublishingClient client(patient_config_for(server));
  client.publish("sent", {.deadline = 300ms});
  ASSERT_TRUE(have_arrived(server, 1));
  reset_connections(server);
  ASSERT_TRUE(client.becomes(ConnectionState::kConnecting));
  auto const late = client.publisher.publish("never sent", {.deadline = 300ms});
  ASSERT_TRUE(client.has_answers(1));
  EXPECT_EQ(publish_status(late), PublishStatus::kNotPersisted) << late.error().message;
  EXPECT_EQ(publish_status(client.answer_to("sent")), PublishStatus::kUnknown);
  EXPECT_NE(client.answer_to("sent").error().message.find("sent again"), std::string::npos)
      << client.answer_to("sent").error().message;
  (void)client.broker->close(100ms);
}

}  // namespace
}  // namespace fairlead::amqp
