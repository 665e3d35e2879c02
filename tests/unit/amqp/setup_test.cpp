#include "support/amqp_server.hpp"
#include "support/recorder.hpp"
#include "support/wait.hpp"
#include "unit/amqp/client.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <ostream>
#include <set>
#include <string>
#include <tuple>

// declare, publisher and subscribe on connections that break: they begin again on the next one until
// `connection.connect_timeout` is over. What the broker itself has decided is told at once.
namespace fairlead::amqp {
namespace {

using namespace std::chrono_literals;
using test::AmqpServer;
using test::eventually;

/// Does `harm` to the first `count` connections on which the method arrives.
class Harm {
 public:
  Harm(amqp_method_number_t method, std::size_t count, std::function<void(Session&, std::uint16_t)> harm)
      : method_(method), count_(count), harm_(std::move(harm)) {}

  bool operator()(Session& session, Frame const& frame) {
    std::lock_guard const lock(mutex_);
    if (method_of(frame) != method_ || harmed_.contains(session.number()) || harmed_.size() == count_) return false;
    harmed_.insert(session.number());
    harm_(session, frame.channel);
    return true;
  }
  [[nodiscard]] std::size_t done() const {
    std::lock_guard const lock(mutex_);
    return harmed_.size();
  }

 private:
  amqp_method_number_t const method_;
  std::size_t const count_;
  std::function<void(Session&, std::uint16_t)> const harm_;
  std::mutex mutable mutex_;
  std::set<int> harmed_;  // connections
};

constexpr std::size_t kAlways = 1'000'000;

void reset(Session& session, std::uint16_t) { session.reset(); }
void fall_silent(Session& session, std::uint16_t) { session.fall_silent(); }

Config hasty_config_for(AmqpServer const& server) {
  auto config = config_for(server);
  config.connection.close_timeout = 100ms;  // there is nobody to say goodbye to
  return config;
}

/// What `subscribe` ends with, in its time.
Error subscribe_error(Client const& client, std::chrono::milliseconds within) {
  test::Recorder recorder;
  auto const start = std::chrono::steady_clock::now();
  auto const billing = client.broker->subscribe("billing", recorder.handler());
  EXPECT_LT(since(start), within + kSlack);
  if (!billing) return billing.error();
  ADD_FAILURE() << "it is subscribed";
  return {};
}

void expect_parts(Error const& error, std::initializer_list<std::string> parts) {
  for (auto const& part : parts) EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
}

struct Step {
  std::string name;
  amqp_method_number_t method;
};

void PrintTo(Step const& step, std::ostream* out) { *out << step.name; }

class ResetAt : public testing::TestWithParam<std::tuple<Step, std::size_t>> {};
INSTANTIATE_TEST_SUITE_P(Setup, ResetAt,
                         testing::Combine(testing::Values(Step{"ChannelOpen", AMQP_CHANNEL_OPEN_METHOD},
                                                          Step{"ExchangeDeclare", AMQP_EXCHANGE_DECLARE_METHOD},
                                                          Step{"QueueDeclare", AMQP_QUEUE_DECLARE_METHOD},
                                                          Step{"QueueBind", AMQP_QUEUE_BIND_METHOD},
                                                          Step{"ConfirmSelect", AMQP_CONFIRM_SELECT_METHOD},
                                                          Step{"Qos", AMQP_BASIC_QOS_METHOD},
                                                          Step{"Consume", AMQP_BASIC_CONSUME_METHOD}),
                                          testing::Values(1u, 2u)),
                         [](auto const& step) {
                           return std::get<Step>(step.param).name +
                                  (std::get<1>(step.param) == 1 ? "Once" : "TwiceInARow");
                         });

TEST_P(ResetAt, IsFollowedByAnotherTryThatSucceeds) {
  auto const& [step, times] = GetParam();
  Harm harm(step.method, times, reset);
  AmqpServer server([&](Session& session, Frame const& frame) {
    if (harm(session, frame)) return true;
    if (method_of(frame) != AMQP_BASIC_CONSUME_METHOD) return false;
    accept_consumer(session, frame.channel);
    deliver(session, frame.channel, kNoProperties, 4, "fine");
    return true;
  });
  test::Recorder recorder;
  Client client(patient_config_for(server));

  auto publisher = client.broker->publisher("orders");
  ASSERT_TRUE(publisher) << publisher.error().message;
  EXPECT_TRUE(publisher->publish("m"));
  auto billing = client.broker->subscribe("billing", recorder.handler());
  ASSERT_TRUE(billing) << billing.error().message;
  EXPECT_TRUE(eventually([&] { return recorder.has("fine"); }));

  EXPECT_EQ(harm.done(), times);
}

TEST(Setup, OnConnectionsThatAllBreakEndsWithTheTimeoutAndTheCause) {
  Harm harm(AMQP_EXCHANGE_DECLARE_METHOD, kAlways, reset);
  AmqpServer server(std::ref(harm));
  Client client(config_for(server));
  auto const start = std::chrono::steady_clock::now();

  auto const declared = client.broker->declare("orders");

  EXPECT_GE(since(start), 500ms);
  EXPECT_LT(since(start), 500ms + kSlack);
  ASSERT_FALSE(declared);
  auto const& error = declared.error();
  EXPECT_EQ(error.code, Errc::kNotConnected) << error.message;
  expect_parts(
      error, {"declare exchange 'orders'", "connection.connect_timeout", "127.0.0.1:" + std::to_string(server.port())});
  EXPECT_TRUE(error.retryable);
  EXPECT_TRUE(error.maybe_applied);
  EXPECT_GE(harm.done(), 2u);
}

TEST(Setup, ASubscriptionOnConnectionsThatAllBreakEndsWithTheTimeoutAndTheCause) {
  Harm harm(AMQP_BASIC_CONSUME_METHOD, kAlways, reset);
  AmqpServer server(std::ref(harm));
  Client client(config_for(server));

  auto const error = subscribe_error(client, 500ms);

  EXPECT_EQ(error.code, Errc::kNotConnected) << error.message;
  expect_parts(error, {"subscribe 'billing'", "connection.connect_timeout", "connection to the broker lost"});
}

class SilentAt : public testing::TestWithParam<Step> {};
INSTANTIATE_TEST_SUITE_P(Setup, SilentAt,
                         testing::Values(Step{"ChannelOpen", AMQP_CHANNEL_OPEN_METHOD},
                                         Step{"QueueDeclare", AMQP_QUEUE_DECLARE_METHOD},
                                         Step{"Consume", AMQP_BASIC_CONSUME_METHOD}),
                         [](auto const& step) { return step.param.name; });

TEST_P(SilentAt, ForEverEndsWithinTheTimeout) {
  Harm harm(GetParam().method, kAlways, fall_silent);
  AmqpServer server(std::ref(harm));
  Client client(hasty_config_for(server));

  auto const error = subscribe_error(client, 500ms);

  EXPECT_EQ(error.code, Errc::kTimeout) << error.message;
  expect_parts(error, {"connection.connect_timeout"});
  EXPECT_TRUE(error.retryable);
}

TEST_P(SilentAt, UntilTheHeartbeatNoticesIsFollowedByAnotherTry) {
  Harm harm(GetParam().method, 1, fall_silent);
  AmqpServer server(std::ref(harm));
  test::Recorder recorder;
  Client client(patient_config_for(server, "?heartbeat=1"));

  auto const billing = client.broker->subscribe("billing", recorder.handler());

  ASSERT_TRUE(billing) << billing.error().message;
  EXPECT_TRUE(client.has_lost_one_to("amqp.heartbeat")) << client.losses();
}

TEST(Setup, ThatTookTooLongGivesItsChannelBack) {
  std::atomic<int> closed{0};
  AmqpServer server([&](Session&, Frame const& frame) {
    closed += method_of(frame) == AMQP_CHANNEL_CLOSE_METHOD;
    return method_of(frame) == AMQP_EXCHANGE_DECLARE_METHOD;  // gets no answer
  });
  auto config = config_for(server, "?channel_max=2");
  config.connection.connect_timeout = 100ms;
  Client client(config);
  for (int i = 1; i <= 3; ++i) {
    auto const declared = client.broker->declare("orders");
    ASSERT_FALSE(declared);
    EXPECT_EQ(declared.error().code, Errc::kTimeout) << declared.error().message;
    EXPECT_TRUE(eventually([&] { return closed == i; }));
  }
  EXPECT_EQ(server.accepted(), 1);
}

/// What the broker has decided, on the channel or on the whole connection.
struct Refusal {
  std::string name;
  amqp_method_number_t method;
  std::uint16_t reply_code;
  bool with_connection;
  Errc code;
};

void PrintTo(Refusal const& refusal, std::ostream* out) { *out << refusal.name; }

class RefusedSetup : public testing::TestWithParam<Refusal> {};
INSTANTIATE_TEST_SUITE_P(
    Setup, RefusedSetup,
    testing::Values(
        Refusal{"UnknownExchange", AMQP_EXCHANGE_DECLARE_METHOD, AMQP_NOT_FOUND, false, Errc::kUnknownDestination},
        Refusal{"NoPermission", AMQP_EXCHANGE_DECLARE_METHOD, AMQP_ACCESS_REFUSED, false, Errc::kAccessDenied},
        Refusal{"OtherArguments", AMQP_QUEUE_DECLARE_METHOD, AMQP_PRECONDITION_FAILED, false,
                Errc::kPreconditionFailed},
        Refusal{"NoPermissionToConsume", AMQP_BASIC_CONSUME_METHOD, AMQP_ACCESS_REFUSED, false, Errc::kAccessDenied},
        Refusal{"NotAllowed", AMQP_QUEUE_DECLARE_METHOD, AMQP_NOT_ALLOWED, true, Errc::kAccessDenied},
        Refusal{"NotAllowedToConsume", AMQP_BASIC_CONSUME_METHOD, AMQP_NOT_ALLOWED, true, Errc::kAccessDenied}),
    [](auto const& refusal) { return refusal.param.name; });

TEST_P(RefusedSetup, IsToldAtOnce) {
  auto const& refusal = GetParam();
  Harm harm(refusal.method, kAlways, [&](Session& session, std::uint16_t channel) {
    if (refusal.with_connection) return close_connection(session, refusal.reply_code, "NO - not this");
    session.close_channel(channel, refusal.reply_code, "NO - not this");
  });
  AmqpServer server(std::ref(harm));
  Client client(patient_config_for(server));

  auto const error = subscribe_error(client, 0ms);

  EXPECT_EQ(error.code, refusal.code) << error.message;
  expect_parts(error, {"not this"});
  EXPECT_EQ(harm.done(), 1u);
}

class LoginRefused : public testing::TestWithParam<Step> {};
INSTANTIATE_TEST_SUITE_P(Setup, LoginRefused,
                         testing::Values(Step{"Declares", AMQP_EXCHANGE_DECLARE_METHOD},
                                         Step{"Consumes", AMQP_BASIC_CONSUME_METHOD}),
                         [](auto const& step) { return step.param.name; });

TEST_P(LoginRefused, WhenItComesBackIsToldAtOnceToOneThat) {
  Harm harm(GetParam().method, 1, reset);
  AmqpServer server([&](Session& session, Frame const& frame) {
    if (session.number() > 1 && method_of(frame) == AMQP_CONNECTION_START_OK_METHOD) {
      close_connection(session, AMQP_ACCESS_REFUSED, "ACCESS_REFUSED");
      return true;
    }
    return harm(session, frame);
  });
  Client client(patient_config_for(server));

  auto const error = subscribe_error(client, 0ms);

  EXPECT_EQ(error.code, Errc::kAuthentication) << error.message;
  EXPECT_EQ(harm.done(), 1u);
  // And to the next one, which finds it so.
  auto const again = subscribe_error(client, 0ms);
  EXPECT_EQ(again.code, Errc::kAuthentication) << again.message;
}

}  // namespace
}  // namespace fairlead::amqp
