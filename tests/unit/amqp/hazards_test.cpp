#include "amqp/frame_writer.hpp"
#include "support/amqp_server.hpp"
#include "support/notebook.hpp"
#include "support/recorder.hpp"
#include "support/wait.hpp"
#include "unit/amqp/client.hpp"
#include "unit/amqp/tables.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <ostream>
#include <string>

// What a broken, hostile or absent broker can do to a client. Each ends as an error that names the cause, in its time,
// and the connection comes back.
namespace fairlead::amqp {
namespace {

using namespace std::chrono_literals;
using test::AmqpServer;
using test::eventually;
using test::Notebook;

// --- while it logs in

struct Handshake {
  std::string name;
  AmqpServer::Greeting on_accept;
  AmqpServer::Hook hook;
  Errc code;
  std::string cause;
};

void PrintTo(Handshake const& hazard, std::ostream* out) { *out << hazard.name; }

AmqpServer::Hook hang_up_at(amqp_method_number_t method) {
  return [method](Session& session, Frame const& frame) {
    if (method_of(frame) != method) return false;
    session.hang_up();
    return true;
  };
}

AmqpServer::Hook silent_at(amqp_method_number_t method) {
  return [method](Session& session, Frame const& frame) {
    if (method_of(frame) != method) return false;
    session.fall_silent();
    return true;
  };
}

class BrokenHandshake : public testing::TestWithParam<Handshake> {};
INSTANTIATE_TEST_SUITE_P(
    Hazards, BrokenHandshake,
    testing::Values(
        Handshake{"AcceptsAndNeverAnswers",
                  [](Session& session) { session.fall_silent(); },
                  {},
                  Errc::kNotConnected,
                  "connection.connect_timeout"},
        Handshake{"HangsUpAtOnce", [](Session& session) { session.hang_up(); }, {}, Errc::kNotConnected, "login"},
        // Before or after the client has noticed that it is connected.
        Handshake{"ResetsAtOnce", [](Session& session) { session.reset(); }, {}, Errc::kNotConnected, "reset by peer"},
        Handshake{"SpeaksAnotherProtocol",
                  [](Session& session) {
                    session.send("HTTP/1.1 400 Bad Request\r\n\r\n");
                    session.hang_up();
                  },
                  {},
                  Errc::kProtocol,
                  "unknown frame type"},
        Handshake{"SpeaksAnotherVersion",
                  [](Session& session) { session.send(std::string("AMQP\0\1\0\0", 8)); },
                  {},
                  Errc::kProtocol,
                  "does not speak AMQP 0-9-1"},
        Handshake{"HalfAFrameThenSilence",
                  [](Session& session) { session.send(std::string("\1\0\0\0\0\1\0\0\x0a", 9)); },
                  [](Session&, Frame const&) { return true; }, Errc::kNotConnected, "connection.connect_timeout"},
        Handshake{"HeartbeatsOnly",
                  [](Session& session) {
                    for (int i = 0; i < 1'000; ++i) session.send(std::string("\x8\0\0\0\0\0\0\xce", 8));
                  },
                  {},
                  Errc::kProtocol,
                  "during login"},
        Handshake{"FrameOfFourGigabytes",
                  [](Session& session) { session.send(std::string("\1\0\0\xff\xff\xff\xff", 7)); },
                  {},
                  Errc::kProtocol,
                  "frame_max"},
        Handshake{"MethodOfTwoBytes",
                  [](Session& session) { session.send(std::string("\1\0\0\0\0\0\2\0\xa\xce", 10)); },
                  {},
                  Errc::kProtocol,
                  "undersized"},
        Handshake{"TuneToTinyFrames",
                  {},
                  [](Session& session, Frame const& frame) {
                    if (method_of(frame) != AMQP_CONNECTION_START_OK_METHOD) return false;
                    amqp_connection_tune_t tune{2047, 100, 60};
                    session.send_method(0, AMQP_CONNECTION_TUNE_METHOD, &tune);
                    return true;
                  },
                  Errc::kProtocol,
                  "frame_max below 4096"},
        Handshake{"HangsUpOnTheCredentials",
                  {},
                  hang_up_at(AMQP_CONNECTION_START_OK_METHOD),
                  Errc::kNotConnected,
                  "check user and password"},
        Handshake{"HangsUpOnTheVirtualHost", {}, hang_up_at(AMQP_CONNECTION_OPEN_METHOD), Errc::kNotConnected, "login"},
        Handshake{"SilentAfterTheCredentials",
                  {},
                  silent_at(AMQP_CONNECTION_START_OK_METHOD),
                  Errc::kNotConnected,
                  "connection.connect_timeout"},
        Handshake{"SilentAfterTheVirtualHost",
                  {},
                  silent_at(AMQP_CONNECTION_OPEN_METHOD),
                  Errc::kNotConnected,
                  "connection.connect_timeout"}),
    [](auto const& hazard) { return hazard.param.name; });

TEST_P(BrokenHandshake, IsTheErrorOfOpenInItsTime) {
  AmqpServer server(GetParam().hook, GetParam().on_accept);
  auto const start = std::chrono::steady_clock::now();
  auto config = config_for(server);
  config.connection.connect_timeout = 150ms;
  auto const broker = Broker::open(config, {.logger = std::make_shared<Notebook>()});
  EXPECT_LT(since(start), 150ms + kSlack);
  ASSERT_FALSE(broker);
  auto const& error = broker.error();
  EXPECT_EQ(error.code, GetParam().code) << to_string(error.code) << ": " << error.message;
  EXPECT_NE(error.message.find(GetParam().cause), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("127.0.0.1:" + std::to_string(server.port())), std::string::npos) << error.message;
  EXPECT_EQ(error.message.find("guest:guest"), std::string::npos) << error.message;
  EXPECT_TRUE(error.retryable);
}

TEST(Hazards, ServerPropertiesNestedTooDeepAreNotDecoded) {
  AmqpServer server({}, [](Session& session) {
    std::string start("\0\xa\0\xa\0\x9", 6);
    start += long_string(nested_tables(kMostLevels)) + long_string("PLAIN") + long_string("en_US");
    ByteBuffer frame;
    append_frame(frame, AMQP_FRAME_METHOD, 0, start);
    session.start_with(frame.view());
  });
  Client client(config_for(server));
  EXPECT_TRUE(client.broker->publisher("orders").value().publish("m"));
}

// --- with a consumer

/// What the broker does to the first consumer. All later ones get one message, `fine`.
struct Attack {
  std::string name;
  std::function<void(Session&, std::uint16_t)> attack;
  std::string cause;
};

void PrintTo(Attack const& hazard, std::ostream* out) { *out << hazard.name; }

class BrokenDelivery : public testing::TestWithParam<Attack> {};
INSTANTIATE_TEST_SUITE_P(
    Hazards, BrokenDelivery,
    testing::Values(
        Attack{"BodyOfTwoToThe63",
               [](Session& session, std::uint16_t channel) {
                 deliver(session, channel, kNoProperties, std::uint64_t{1} << 63, "body");
               },
               "claims to have 9223372036854775808 bytes; the limit is 134217728"},
        Attack{"BodyOfTwoToThe64Less1",
               [](Session& session, std::uint16_t channel) { deliver(session, channel, kNoProperties, ~0ULL, "body"); },
               "the limit is 134217728"},
        Attack{"MoreBodyThanClaimed",
               [](Session& session, std::uint16_t channel) { deliver(session, channel, kNoProperties, 3, "body"); },
               "a body larger than its header says"},
        Attack{"HeaderOfFourBytes",
               [](Session& session, std::uint16_t channel) {
                 amqp_basic_deliver_t fields{};
                 session.send_method(channel, AMQP_BASIC_DELIVER_METHOD, &fields);
                 ByteBuffer frame;
                 append_frame(frame, AMQP_FRAME_HEADER, channel, "\0\0\0");
                 session.send(frame.view());
               },
               "undersized content header"},
        Attack{"HeaderWithoutMethod",
               [](Session& session, std::uint16_t channel) { session.send_content(channel, kNoProperties, 4, "body"); },
               "a content header without its method"},
        Attack{"BodyWithoutHeader",
               [](Session& session, std::uint16_t channel) {
                 ByteBuffer frame;
                 append_body(frame, channel, "body", kFrameMax);
                 session.send(frame.view());
               },
               "a body without its header"},
        Attack{"PropertiesCutShort",
               [](Session& session, std::uint16_t channel) {
                 deliver(session, channel, std::string("\xff\xf0\x50", 3), 4, "body");
               },
               "malformed message properties"},
        Attack{"UnknownMethod",
               [](Session& session, std::uint16_t channel) {
                 ByteBuffer frame;
                 append_frame(frame, AMQP_FRAME_METHOD, channel, std::string("\0\xff\0\xff", 4));
                 session.send(frame.view());
               },
               "unexpected method"},
        Attack{"MethodOfNoBytes",
               [](Session& session, std::uint16_t channel) {
                 ByteBuffer frame;
                 append_frame(frame, AMQP_FRAME_METHOD, channel, {});
                 session.send(frame.view());
               },
               "undersized method frame"},
        Attack{"MethodOfNoBytesOnChannel0",
               [](Session& session, std::uint16_t) {
                 ByteBuffer frame;
                 append_frame(frame, AMQP_FRAME_METHOD, 0, {});
                 session.send(frame.view());
               },
               "undersized method frame"},
        Attack{"UnknownChannel",
               [](Session& session, std::uint16_t) {
                 amqp_basic_ack_t ack{1, 0};
                 session.send_method(1'234, AMQP_BASIC_ACK_METHOD, &ack);
               },
               "frame on unknown channel 1234"},
        Attack{"FrameTooLarge", [](Session& session, std::uint16_t) { session.send(std::string("\3\0\1\0\2\0\0", 7)); },
               "frame larger than frame_max"},
        Attack{"FrameWithoutEnd",
               [](Session& session, std::uint16_t) { session.send(std::string("\x8\0\0\0\0\0\0\0", 8)); },
               "frame end missing"},
        Attack{"Garbage", [](Session& session, std::uint16_t) { session.send(std::string(100'000, '\xa5')); },
               "unknown frame type"},
        Attack{"CloseThatIsCutShort",
               [](Session& session, std::uint16_t) {
                 ByteBuffer frame;
                 append_frame(frame, AMQP_FRAME_METHOD, 0, std::string("\0\xa\0\x32\1", 5));
                 session.send(frame.view());
               },
               "closed by the broker"}),
    [](auto const& hazard) { return hazard.param.name; });

/// A consumer was started: the answer, and what comes then.
AmqpServer::Hook on_consume(std::function<void(Session&, std::uint16_t)> then) {
  return [then = std::move(then)](Session& session, Frame const& frame) {
    if (method_of(frame) != AMQP_BASIC_CONSUME_METHOD) return false;
    accept_consumer(session, frame.channel);
    then(session, frame.channel);
    return true;
  };
}

TEST_P(BrokenDelivery, EndsTheConnectionByNameAndTheNextOneWorks) {
  std::atomic<int> consumers{0};
  AmqpServer server(on_consume([&](Session& session, std::uint16_t channel) {
    if (++consumers == 1) return GetParam().attack(session, channel);
    deliver(session, channel, kNoProperties, 4, "fine");
  }));
  test::Recorder recorder;
  Client client(config_for(server));
  auto billing = client.broker->subscribe("billing", recorder.handler()).value();

  ASSERT_TRUE(eventually([&] { return recorder.has("fine"); })) << client.losses();

  EXPECT_TRUE(client.has_lost_one_to(GetParam().cause)) << client.losses();
  EXPECT_EQ(recorder.begun(), 1u);
  EXPECT_TRUE(client.broker->publisher("orders").value().publish("m"));
  EXPECT_EQ(client.broker->health().reconnects, 1u);
}

TEST(Hazards, HeadersNestedTooDeepAreLeftOutOfTheMessage) {
  AmqpServer server(on_consume([](Session& session, std::uint16_t channel) {
    deliver(session, channel, std::string("\x20\0", 2) + long_string(nested_tables(kMostLevels)), 4, "bomb");
  }));
  test::Recorder recorder;
  Client client(config_for(server));
  auto billing = client.broker->subscribe("billing", recorder.handler()).value();
  ASSERT_TRUE(eventually([&] { return recorder.has("bomb"); })) << client.losses();
  EXPECT_EQ(client.losses().find("connection lost"), std::string::npos) << client.losses();
}

TEST(Hazards, ReturnedHeadersNestedTooDeepAreHarmless) {
  AmqpServer server([](Session& session, Frame const& frame) {
    if (frame.type != AMQP_FRAME_BODY || frame.payload != "nobody") return false;
    amqp_basic_return_t fields{};
    fields.exchange = to_bytes("orders");
    session.send_method(frame.channel, AMQP_BASIC_RETURN_METHOD, &fields);
    // Headers come before the message id.
    auto const properties = std::string("\x20\x80", 2) + long_string(nested_tables(kMostLevels)) + "\2id";
    session.send_content(frame.channel, properties, 6, "nobody");
    return false;
  });
  Client client(config_for(server));
  auto const result = client.broker->publisher("orders").value().publish("nobody", {.id = "id"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kUnroutable) << result.error().message;
}

// --- and silence

constexpr std::string_view kHeartbeat1 = "?heartbeat=1";
constexpr std::chrono::milliseconds kDetection{3'000};  // two heartbeats and one second

/// A deadline is kept whatever the broker does.
void expect_timeout(Publisher& publisher) {
  auto const start = std::chrono::steady_clock::now();
  auto const result = publisher.publish("late", {.deadline = 200ms});
  EXPECT_LT(since(start), 200ms + kSlack);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kTimeout) << result.error().message;
  EXPECT_NE(result.error().message.find("publish.deadline"), std::string::npos) << result.error().message;
}

TEST(Hazards, PublishAfterAnIdleGapToASilentBrokerEndsByItsDeadline) {
  std::atomic<bool> is_silent{false};
  AmqpServer server({}, [&](Session& session) {
    if (is_silent) session.fall_silent();
  });
  Client client(config_for(server, kHeartbeat1));
  auto publisher = client.broker->publisher("orders").value();
  ASSERT_TRUE(publisher.publish("m"));

  is_silent = true;
  server.for_each([](Session& session) { session.fall_silent(); });
  auto const start = std::chrono::steady_clock::now();
  expect_timeout(publisher);
  ASSERT_TRUE(eventually([&] { return client.broker->health().state == ConnectionState::kConnecting; }));
  EXPECT_LT(since(start), kDetection + kSlack);
  expect_timeout(publisher);
  EXPECT_TRUE(client.has_lost_one_to("amqp.heartbeat")) << client.losses();

  is_silent = false;
  EXPECT_TRUE(publisher.publish("m"));
}

TEST(Hazards, HalfAFrameThenSilenceIsNoticedByTheHeartbeat) {
  std::atomic<int> consumers{0};
  AmqpServer server(on_consume([&](Session& session, std::uint16_t channel) {
    if (++consumers > 1) return deliver(session, channel, kNoProperties, 4, "fine");
    deliver(session, channel, kNoProperties, 100'000, std::string(50'000, 'x'));
    session.fall_silent();
  }));
  test::Recorder recorder;
  Client client(config_for(server, kHeartbeat1));
  auto billing = client.broker->subscribe("billing", recorder.handler()).value();
  auto const start = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] { return recorder.has("fine"); })) << client.losses();
  EXPECT_LT(since(start), kDetection + kSlack);
  EXPECT_TRUE(client.has_lost_one_to("no heartbeat for 2 s")) << client.losses();
}

TEST(Hazards, HeartbeatsAndNothingElseHoldNobodyUp) {
  AmqpServer server([](Session& session, Frame const& frame) {
    if (frame.channel == 0 && frame.type == AMQP_FRAME_METHOD) return false;  // logs in
    session.send(std::string("\x8\0\0\0\0\0\0\xce", 8));
    return true;
  });
  Client client(config_for(server, kHeartbeat1));
  auto const start = std::chrono::steady_clock::now();
  auto const publisher = client.broker->publisher("orders");
  EXPECT_LT(since(start), 500ms + kSlack);
  ASSERT_FALSE(publisher);
  EXPECT_EQ(publisher.error().code, Errc::kTimeout) << publisher.error().message;
  EXPECT_NE(publisher.error().message.find("connection.connect_timeout"), std::string::npos);
  auto const closing = std::chrono::steady_clock::now();
  (void)client.broker->close(300ms);
  EXPECT_LT(since(closing), 300ms + kSlack);
}

}  // namespace
}  // namespace fairlead::amqp
