#include "amqp/frame_writer.hpp"
#include "support/amqp_server.hpp"
#include "support/resources.hpp"
#include "support/wait.hpp"

#include <fairlead/fairlead.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>

// What becomes of messages that were sent and not confirmed when their channel or connection breaks.
namespace fairlead::amqp {
namespace {

using namespace std::chrono_literals;
using test::AmqpServer;
using test::eventually;
using Session = AmqpServer::Session;
using Texts = std::vector<std::string>;

Config config_for(AmqpServer const& server) {
  Config config;
  config.broker = server.url();
  config.log.level = LogLevel::kError;
  config.connection.backoff_initial = 20ms;
  config.connection.backoff_max = 50ms;
  config.destinations["orders"] = {};
  return config;
}

/// The answers to publishes by their payload.
class Answers {
 public:
  void publish(Publisher& publisher, std::string const& payload, PublishOptions options = {}) {
    publisher.publish_async(payload, options, [this, payload](Result<Receipt> const& result) {
      std::lock_guard const lock(mutex_);
      EXPECT_TRUE(answers_.emplace(payload, result).second) << payload << " was answered twice";
      test::something_changed();
    });
  }
  [[nodiscard]] std::size_t count() const {
    std::lock_guard const lock(mutex_);
    return answers_.size();
  }
  [[nodiscard]] Result<Receipt> of(std::string const& payload) const {
    std::lock_guard const lock(mutex_);
    auto const found = answers_.find(payload);
    return found == answers_.end() ? Error{Errc::kInternal, "no answer"} : found->second;
  }

 private:
  std::mutex mutable mutex_;
  std::map<std::string, Result<Receipt>> answers_;
};

/// Publishes are not confirmed on the first connection.
void hold_confirms_of_the_first(Session& session) { session.confirm_by_itself(session.number() > 1); }

TEST(Resend, WhatWasNotConfirmedIsSentAgainInOrderBeforeAnythingNewer) {
  AmqpServer server({}, hold_confirms_of_the_first);
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  Texts payloads;
  for (int i = 0; i < 500; ++i) {
    payloads.push_back(std::to_string(i));
    answers.publish(publisher, payloads.back());
  }
  ASSERT_TRUE(eventually([&] { return server.published().size() == 500; }));
  auto const first = server.published();

  std::atomic<bool> is_silent{false};
  server.for_each([&](Session& session) {
    session.fall_silent();
    is_silent = true;
  });
  ASSERT_TRUE(eventually([&] { return is_silent.load(); }));
  for (int i = 500; i < 600; ++i) {
    payloads.push_back(std::to_string(i));
    answers.publish(publisher, payloads.back());
  }
  server.for_each([](Session& session) { session.reset(); });

  ASSERT_TRUE(eventually([&] { return answers.count() == 600; })) << answers.count();
  for (auto const& payload : payloads) EXPECT_TRUE(answers.of(payload)) << payload;
  auto const all = server.published();
  ASSERT_EQ(all.size(), 1'100u);
  Texts again;
  for (std::size_t i = 500; i < all.size(); ++i) again.push_back(all[i].body);
  EXPECT_EQ(again, payloads);
  for (std::size_t i = 0; i < 500; ++i) EXPECT_EQ(all[500 + i].id, first[i].id) << "the same message";
  EXPECT_FALSE(first[0].id.empty());
  EXPECT_EQ(broker->health().reconnects, 1u);
}

TEST(Resend, WhatWasConfirmedIsNotSentAgain) {
  AmqpServer server({}, hold_confirms_of_the_first);
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  for (auto const* payload : {"a", "b", "c", "d"}) answers.publish(publisher, payload);
  ASSERT_TRUE(eventually([&] { return server.published().size() == 4; }));
  server.for_each([](Session& session) { session.confirm(session.publish_channel(), 2); });
  ASSERT_TRUE(eventually([&] { return answers.count() == 2; }));

  server.for_each([](Session& session) { session.reset(); });

  ASSERT_TRUE(eventually([&] { return answers.count() == 4; }));
  EXPECT_EQ(server.bodies(), (Texts{"a", "b", "c", "d", "c", "d"}));
}

TEST(Resend, ReportedInsteadAsTheConfigurationSays) {
  AmqpServer server({}, hold_confirms_of_the_first);
  auto config = config_for(server);
  config.publish.unconfirmed = OnUnconfirmed::kReport;
  auto broker = Broker::open(config).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  answers.publish(publisher, "a");
  ASSERT_TRUE(eventually([&] { return server.published().size() == 1; }));

  server.for_each([](Session& session) { session.reset(); });

  ASSERT_TRUE(eventually([&] { return answers.count() == 1; }));
  EXPECT_EQ(answers.of("a").error().code, Errc::kConnectionLost);
  EXPECT_EQ(publish_status(answers.of("a")), PublishStatus::kUnknown);
  EXPECT_TRUE(publisher.publish("b"));
  EXPECT_EQ(server.bodies(), (Texts{"a", "b"}));
}

TEST(Resend, EndsWithTheDeadlineAsMaybeApplied) {
  AmqpServer server({}, [](Session& session) {
    session.confirm_by_itself(false);
    if (session.number() > 1) session.hang_up();
  });
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  answers.publish(publisher, "a", {.deadline = 300ms});
  ASSERT_TRUE(eventually([&] { return server.published().size() == 1; }));

  server.for_each([](Session& session) { session.reset(); });

  ASSERT_TRUE(eventually([&] { return answers.count() == 1; }));
  EXPECT_EQ(answers.of("a").error().code, Errc::kTimeout);
  EXPECT_EQ(publish_status(answers.of("a")), PublishStatus::kUnknown);
}

TEST(Resend, LeavesOutWhatIsPastItsDeadline) {
  std::atomic<bool> is_back{false};
  AmqpServer server({}, [&](Session& session) {
    hold_confirms_of_the_first(session);
    if (session.number() > 1 && !is_back) session.hang_up();
  });
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  answers.publish(publisher, "short", {.deadline = 200ms});
  answers.publish(publisher, "long");
  ASSERT_TRUE(eventually([&] { return server.published().size() == 2; }));
  server.for_each([](Session& session) { session.reset(); });
  ASSERT_TRUE(eventually([&] { return answers.count() == 1; }));

  is_back = true;

  ASSERT_TRUE(eventually([&] { return answers.count() == 2; }));
  EXPECT_TRUE(answers.of("long"));
  EXPECT_EQ(server.bodies(), (Texts{"short", "long", "long"}));
}

TEST(Resend, AMessageOfWhichOnlyAPartWasWrittenIsNotTakenForSent) {
  std::string const large(30'000'000, 'x');  // more than two sockets hold
  AmqpServer server({}, [](Session& session) {
    if (session.number() == 1) session.cut_after_received(20'000);
  });
  auto config = config_for(server);
  config.publish.unconfirmed = OnUnconfirmed::kReport;
  config.publish.max_message_bytes = 2 * large.size();
  config.publish.window_bytes = 4 * large.size();
  auto broker = Broker::open(config).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  answers.publish(publisher, large);
  answers.publish(publisher, "behind it");
  ASSERT_TRUE(eventually([&] { return answers.count() == 2; }));
  EXPECT_TRUE(answers.of(large));
  EXPECT_TRUE(answers.of("behind it"));
  EXPECT_EQ(server.accepted(), 2);
  EXPECT_TRUE(server.bodies() == (Texts{large, "behind it"}));
}

TEST(Resend, ANackIsReportedAndNotSentAgain) {
  AmqpServer server({}, [](Session& session) { session.confirm_by_itself(false); });
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  answers.publish(publisher, "a");
  ASSERT_TRUE(eventually([&] { return server.published().size() == 1; }));

  server.for_each([](Session& session) { session.confirm(session.publish_channel(), 1, false); });

  ASSERT_TRUE(eventually([&] { return answers.count() == 1; }));
  auto const error = answers.of("a").error();
  EXPECT_EQ(error.code, Errc::kRefused);
  EXPECT_TRUE(error.retryable);
  EXPECT_TRUE(error.maybe_applied) << "of several queues one may have taken it";
  EXPECT_EQ(server.bodies(), Texts{"a"});
}

TEST(Resend, AShortDeadlineOnAnIdleConnectionDoesNotCostTheConnection) {
  AmqpServer server({}, [](Session& session) { session.confirm_by_itself(false); });
  auto config = config_for(server);
  config.publish.window_messages = 1;
  auto broker = Broker::open(config).value();
  auto publisher = broker->publisher("orders").value();
  auto const late = publisher.publish("late", {.deadline = 20ms});
  ASSERT_FALSE(late);
  // Its place in the window is free once the channel has noticed, too.
  Answers answers;
  answers.publish(publisher, "next");
  ASSERT_TRUE(eventually([&] { return server.published().size() == 2; }));
  server.for_each([](Session& session) { session.confirm(session.publish_channel(), 2); });
  ASSERT_TRUE(eventually([&] { return answers.count() == 1; }));
  EXPECT_TRUE(answers.of("next"));
  EXPECT_EQ(server.accepted(), 1);
}

TEST(Resend, FewThatWaitAmongManyDoNotHoldTheMemoryOfAll) {
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
      [](Session& session) { session.confirm_by_itself(false); });
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  std::atomic<int> confirmed{0};
  std::string const payload(1'000, 'x');
  auto const publish_all = [&](int count) {
    for (int i = 0; i < count; ++i)
      publisher.publish_async(payload, {}, [&](auto const& result) { confirmed += result.has_value(); });
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
  (void)broker->close(100ms);
}

TEST(Resend, ClosedBeforeTheSecondConfirmIsStillMaybeApplied) {
  AmqpServer server({}, [](Session& session) {
    session.confirm_by_itself(false);
    if (session.number() > 1) session.fall_silent();
  });
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  answers.publish(publisher, "a");
  ASSERT_TRUE(eventually([&] { return server.published().size() == 1; }));
  server.for_each([](Session& session) { session.reset(); });
  ASSERT_TRUE(eventually([&] { return server.accepted() == 2; }));

  (void)broker->close(200ms);

  ASSERT_TRUE(eventually([&] { return answers.count() == 1; }));
  EXPECT_EQ(publish_status(answers.of("a")), PublishStatus::kUnknown) << answers.of("a").error().message;
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
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  answers.publish(publisher, "routed", {.id = "1"});
  answers.publish(publisher, "lost", {.id = "2"});
  ASSERT_TRUE(eventually([&] { return server.published().size() == 2; }));

  server.for_each([](Session& session) {
    send_back(session, {"2"});
    session.hang_up();
  });

  ASSERT_TRUE(eventually([&] { return answers.count() == 2; }));
  EXPECT_TRUE(answers.of("routed"));
  EXPECT_EQ(publish_status(answers.of("lost")), PublishStatus::kUnroutable);
  EXPECT_EQ(server.bodies(), (Texts{"routed", "lost", "routed"}));
}

TEST(Resend, ReturnedOnTheSecondConnectionOnlyIsUnknown) {
  AmqpServer server({}, [](Session& session) { session.confirm_by_itself(false); });
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  answers.publish(publisher, "a", {.id = "1"});
  ASSERT_TRUE(eventually([&] { return server.published().size() == 1; }));
  server.for_each([](Session& session) { session.reset(); });
  ASSERT_TRUE(eventually([&] { return server.published().size() == 2; }));

  server.for_each([](Session& session) {
    send_back(session, {"1"});
    session.confirm(session.publish_channel(), 1);
  });

  ASSERT_TRUE(eventually([&] { return answers.count() == 1; }));
  EXPECT_EQ(answers.of("a").error().code, Errc::kUnroutable);
  EXPECT_EQ(publish_status(answers.of("a")), PublishStatus::kUnknown) << "the first time it may have had a queue";
}

TEST(Resend, LargeMessagesAreCutAnewForABrokerWithSmallerFrames) {
  std::atomic<std::size_t> largest{0};
  AmqpServer server(
      [&](Session& session, Frame const& frame) {
        if (session.number() == 1) return false;
        largest = std::max(largest.load(), frame.payload.size() + kFrameOverhead);
        if (frame.type != AMQP_FRAME_METHOD) return false;
        if (load_big_endian<std::uint32_t>(frame.payload.data()) != AMQP_CONNECTION_START_OK_METHOD) return false;
        amqp_connection_tune_t tune{2047, 4'096, 60};
        session.send_method(0, AMQP_CONNECTION_TUNE_METHOD, &tune);
        return true;
      },
      hold_confirms_of_the_first);
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  std::string const large(300'000, 'x');
  Headers headers;
  headers.set("large", std::string(5'000, 'h'));
  answers.publish(publisher, large);
  answers.publish(publisher, "with large headers", {.headers = headers});
  answers.publish(publisher, "small");
  ASSERT_TRUE(eventually([&] { return server.published().size() == 3; }));

  server.for_each([](Session& session) { session.reset(); });

  ASSERT_TRUE(eventually([&] { return answers.count() == 3; }));
  EXPECT_TRUE(answers.of(large));
  EXPECT_TRUE(answers.of("small"));
  EXPECT_EQ(answers.of("with large headers").error().code, Errc::kTooLarge);
  EXPECT_EQ(publish_status(answers.of("with large headers")), PublishStatus::kUnknown);
  EXPECT_EQ(server.bodies(), (Texts{large, "with large headers", "small", large, "small"}));
  EXPECT_EQ(largest, 4'096u);
}

/// Closes what a message with the payload `poison` came on: its channel, or with it the connection.
AmqpServer::Hook refuse_poison(bool with_connection) {
  return [with_connection](Session& session, Frame const& frame) {
    if (frame.type != AMQP_FRAME_BODY || !frame.payload.starts_with("poison")) return false;
    if (!with_connection) {
      session.close_channel(frame.channel, AMQP_PRECONDITION_FAILED, "PRECONDITION_FAILED - invalid message");
    } else {
      amqp_connection_close_t close{};
      close.reply_code = AMQP_INTERNAL_ERROR;
      close.reply_text = to_bytes("INTERNAL_ERROR");
      session.send_method(0, AMQP_CONNECTION_CLOSE_METHOD, &close);
      session.hang_up();
    }
    return true;
  };
}

class BadMessage : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Resend, BadMessage, testing::Bool(), [](auto const& poison) {
  return std::string(poison.param ? "WithItsConnection" : "WithItsChannel");
});

TEST_P(BadMessage, IsGivenUpAloneAndTheOthersAreConfirmedInOrder) {
  std::mutex mutex;
  std::set<std::pair<int, std::uint16_t>> closed;
  auto const refuse = refuse_poison(GetParam());
  std::atomic<int> closures{0};
  AmqpServer server(
      [&](Session& session, Frame const& frame) {
        std::lock_guard const lock(mutex);
        auto const place = std::pair(session.number(), frame.channel);
        if (frame.type == AMQP_FRAME_METHOD && frame.channel != 0) {
          // As RabbitMQ does: what comes on a closed channel before the answer is dropped.
          if (load_big_endian<std::uint32_t>(frame.payload.data()) == AMQP_CHANNEL_CLOSE_OK_METHOD) closed.erase(place);
        }
        if (closed.contains(place) || closed.contains({session.number(), 0})) return true;
        if (!refuse(session, frame)) return false;
        ++closures;
        closed.insert(GetParam() ? std::pair(session.number(), std::uint16_t{0}) : place);
        return true;
      },
      [](Session& session) { session.confirm_by_itself(true); });
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  Texts payloads;
  for (int i = 0; i < 100; ++i) {
    payloads.push_back((i % 40 == 20 ? "poison" : "") + std::to_string(i));
    answers.publish(publisher, payloads.back());
  }

  ASSERT_TRUE(eventually([&] { return answers.count() == 100; })) << answers.count();

  Texts newest;
  std::set<std::string> seen;
  for (auto const& body : server.bodies()) {
    if (seen.insert(body).second) newest.push_back(body);
  }
  Texts good;
  for (auto const& payload : payloads) {
    bool const is_good = !payload.starts_with("poison");
    EXPECT_EQ(answers.of(payload).has_value(), is_good) << payload;
    if (is_good) {
      good.push_back(payload);
    } else {
      EXPECT_TRUE(answers.of(payload).error().maybe_applied);
      EXPECT_EQ(answers.of(payload).error().code, GetParam() ? Errc::kConnectionLost : Errc::kPreconditionFailed);
    }
  }
  EXPECT_EQ(newest, good) << "in the old order";
  EXPECT_LE(closures, 6) << "each of the two at most once among others and once alone, or once more";
}

TEST(Resend, AlonePoisonIsToldAtOnce) {
  AmqpServer server(refuse_poison(false));
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  auto const refused = publisher.publish("poison");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kPreconditionFailed);
  EXPECT_TRUE(publisher.publish("fine"));
}

TEST(Resend, NothingIsSentWhileTheBrokerBlocksAndAllOfItAfterwards) {
  AmqpServer server;
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  ASSERT_TRUE(publisher.publish("before"));
  server.for_each([](Session& session) {
    amqp_connection_blocked_t blocked{to_bytes("low on memory")};
    session.send_method(0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
  });
  ASSERT_TRUE(eventually([&] { return broker->health().state == ConnectionState::kBlocked; }));
  auto const problem = broker->health().problem;
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->code, Errc::kBlocked);
  EXPECT_NE(problem->message.find("low on memory"), std::string::npos) << problem->message;

  Answers answers;
  answers.publish(publisher, "waits");
  auto const late = publisher.publish("late", {.deadline = 100ms});
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

  ASSERT_TRUE(eventually([&] { return answers.count() == 1; }));
  EXPECT_TRUE(answers.of("waits"));
  EXPECT_EQ(server.bodies(), (Texts{"before", "waits"}));
  EXPECT_EQ(broker->health().state, ConnectionState::kConnected);
  EXPECT_FALSE(broker->health().problem);
}

TEST(Resend, WhatWasSentBeforeTheBrokerBlockedIsMaybeApplied) {
  AmqpServer server({}, [](Session& session) { session.confirm_by_itself(false); });
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  answers.publish(publisher, "sent", {.deadline = 300ms});
  ASSERT_TRUE(eventually([&] { return server.published().size() == 1; }));
  server.for_each([](Session& session) {
    amqp_connection_blocked_t blocked{to_bytes("low on disk")};
    session.send_method(0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
  });
  ASSERT_TRUE(eventually([&] { return answers.count() == 1; }));
  EXPECT_EQ(answers.of("sent").error().code, Errc::kTimeout);
  EXPECT_EQ(publish_status(answers.of("sent")), PublishStatus::kUnknown);
}

TEST(Resend, WhatWasSentOnceAndWaitsToBeSentAgainIsMaybeApplied) {
  AmqpServer server({}, [](Session& session) {
    session.confirm_by_itself(false);
    if (session.number() > 1) session.fall_silent();
  });
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  Answers answers;
  answers.publish(publisher, "sent", {.deadline = 300ms});
  ASSERT_TRUE(eventually([&] { return server.published().size() == 1; }));
  server.for_each([](Session& session) { session.reset(); });
  ASSERT_TRUE(eventually([&] { return broker->health().state == ConnectionState::kConnecting; }));
  auto const late = publisher.publish("never sent", {.deadline = 300ms});
  ASSERT_TRUE(eventually([&] { return answers.count() == 1; }));
  EXPECT_EQ(publish_status(late), PublishStatus::kNotPersisted) << late.error().message;
  EXPECT_EQ(publish_status(answers.of("sent")), PublishStatus::kUnknown);
  EXPECT_NE(answers.of("sent").error().message.find("sent again"), std::string::npos)
      << answers.of("sent").error().message;
  (void)broker->close(100ms);
}

TEST(Resend, WhatHadNoConnectionUntilItsDeadlineIsNotPersistedAndStaysUnsent) {
  std::atomic<bool> is_back{false};
  AmqpServer server({}, [&](Session& session) {
    if (session.number() > 1 && !is_back) session.hang_up();
  });
  auto broker = Broker::open(config_for(server)).value();
  auto publisher = broker->publisher("orders").value();
  ASSERT_TRUE(publisher.publish("before"));
  server.for_each([](Session& session) { session.reset(); });
  ASSERT_TRUE(eventually([&] { return broker->health().state == ConnectionState::kConnecting; }));

  auto const late = publisher.publish("late", {.deadline = 150ms});

  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::kTimeout) << late.error().message;
  EXPECT_EQ(publish_status(late), PublishStatus::kNotPersisted);
  EXPECT_TRUE(late.error().retryable);
  auto const address = "127.0.0.1:" + std::to_string(server.port());
  for (auto const& part : {std::string("publish.deadline"), address}) {
    EXPECT_NE(late.error().message.find(part), std::string::npos) << late.error().message;
  }
  is_back = true;
  EXPECT_TRUE(publisher.publish("after"));
  EXPECT_EQ(server.bodies(), (Texts{"before", "after"}));
}

}  // namespace
}  // namespace fairlead::amqp
