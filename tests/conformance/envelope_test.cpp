#include "conformance/conformance.hpp"

#include <atomic>
#include <charconv>
#include <map>
#include <regex>

// What a dead letter tells about its message: the same headers with the same values on every broker.
namespace fairlead::conformance {

/// Decodes digits and nothing else; more than 1000 is not valid.
struct Amount {
  int cents = 0;
};

inline Result<void> validate(Amount const& amount) {
  if (amount.cents > 1000) return Error{.code = Errc::kValidation, .message = "amount is above the limit"};
  return {};
}

}  // namespace fairlead::conformance

template <>
struct fairlead::Codec<fairlead::conformance::Amount> {
  static constexpr std::string_view content_type = "text/amount";
  static Result<void> encode(conformance::Amount const& value, std::string& out) {
    out += std::to_string(value.cents);
    return {};
  }
  static Result<conformance::Amount> decode(std::string_view payload) {
    conformance::Amount value;
    auto const [end, problem] = std::from_chars(payload.data(), payload.data() + payload.size(), value.cents);
    if (problem == std::errc() && end == payload.data() + payload.size()) return value;
    return Error{.code = Errc::kSerialization, .message = "not an amount", .retryable = true};
  }
};

namespace fairlead::conformance {
namespace {

class DeadLetterEnvelope : public Conformance {
 protected:
  /// Three attempts: two in place and one after a tier.
  [[nodiscard]] Config config_with_tier() const {
    auto configuration = config();
    billing_of(configuration).retry.max_attempts = 3;
    billing_of(configuration).retry.tiers = {200ms};
    read_dead_letters(configuration);
    return configuration;
  }
  /// Publishes to the subscription that `subscribe` starts, and returns what the dead letter got.
  template <class Subscribe>
  [[nodiscard]] std::optional<Seen> dead_letter_of(Config const& configuration, Message const& message,
                                                   Subscribe const& subscribe) {
    Recorder dead;
    auto broker = open(configuration);
    Subscription billing = subscribe(*broker);
    auto inspection = broker->subscribe("inspection", dead.handler()).value();
    publish(*broker, {message});
    if (!eventually([&] { return dead.finished() == 1 && billing.stats().in_flight == 0; })) return std::nullopt;
    stats_ = billing.stats();
    return dead.seen().front();
  }
  [[nodiscard]] std::optional<Seen> dead_letter_of(Message const& message, Handler const& handler) {
    return dead_letter_of(config_with_tier(), message,
                          [&](Broker& broker) { return broker.subscribe("billing", handler).value(); });
  }
  [[nodiscard]] std::optional<Seen> dead_letter_of_amount(std::string const& payload) {
    return dead_letter_of(config_with_tier(), {.payload = payload, .content_type = "text/amount"}, [&](Broker& broker) {
      return broker.subscribe<Amount>("billing", [this](Amount const&, Delivery const&) { ++handled_; }).value();
    });
  }
  SubscriptionStats stats_;
  std::atomic<int> handled_{0};
};
INSTANTIATE_TEST_SUITE_P(On, DeadLetterEnvelope, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(DeadLetterEnvelope, HasTheSameNamesAndValuesOnEveryBroker) {
  Recorder handled;
  Message const message{.payload = "m", .key = "user-7", .headers = {{"tenant", "blue"}, {"region", "north"}}};

  auto const dead = dead_letter_of(
      message, handled.handler([](Seen const& seen) { return retry("failure " + std::to_string(seen.attempt)); }));

  ASSERT_TRUE(dead.has_value());
  std::map<std::string, std::string> headers;
  for (auto const& header : dead->headers) headers[header.name] = header.value;
  EXPECT_EQ(headers.size(), dead->headers.size()) << "a header is there twice";
  // Where it was on the broker and when it failed differ from run to run; their shape does not.
  std::string const kTime = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)";
  std::map<std::string, std::string> const shapes{{"fairlead-original-partition", "0"},
                                                  {"fairlead-original-position", R"(\d+)"},
                                                  {"fairlead-first-failed-at", kTime},
                                                  {"fairlead-failed-at", kTime}};
  EXPECT_LT(headers["fairlead-first-failed-at"], headers["fairlead-failed-at"]);
  EXPECT_EQ(headers["fairlead-original-position"], std::to_string(handled.seen().front().position));
  for (auto const& [name, shape] : shapes) {
    EXPECT_TRUE(std::regex_match(headers[name], std::regex(shape))) << name << ": " << headers[name];
    headers.erase(name);
  }
  EXPECT_EQ(headers, (std::map<std::string, std::string>{{"tenant", "blue"},
                                                         {"region", "north"},
                                                         {"fairlead-original-destination", destination_},
                                                         {"fairlead-group", group_of("billing")},
                                                         {"fairlead-attempts", "3"},
                                                         {"fairlead-error", "failure 3"},
                                                         {"fairlead-error-code", "handler_failed"}}));
  EXPECT_EQ(dead->traceparent.substr(0, 35), handled.seen().front().traceparent.substr(0, 35));
}

TEST_P(DeadLetterEnvelope, NamesTheCodeOfARejectionWithoutAnyRetry) {
  auto const dead = dead_letter_of({.payload = "m"}, [](Delivery const&) { return reject("unknown product"); });

  ASSERT_TRUE(dead.has_value());
  EXPECT_EQ(dead->header("fairlead-error"), "unknown product");
  EXPECT_EQ(dead->header("fairlead-error-code"), "rejected");
  EXPECT_EQ(dead->header("fairlead-attempts"), "1");
  EXPECT_EQ(stats_.retried + stats_.delayed, 0U);
}

TEST_P(DeadLetterEnvelope, AnErrorDecidesByItselfWhetherItIsRetried) {
  auto const refused = dead_letter_of({.payload = "m"}, [](Delivery const&) {
    return fail({.code = Errc::kAccessDenied, .message = "no such right"});
  });
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->header("fairlead-error-code"), "access_denied");
  EXPECT_EQ(refused->header("fairlead-error"), "no such right");
  EXPECT_EQ(refused->header("fairlead-attempts"), "1");
}

TEST_P(DeadLetterEnvelope, ARetryableErrorUsesAllAttempts) {
  auto const exhausted = dead_letter_of({.payload = "m"}, [](Delivery const&) {
    return fail({.code = Errc::kNotConnected, .message = "ledger away", .retryable = true});
  });
  ASSERT_TRUE(exhausted.has_value());
  EXPECT_EQ(exhausted->header("fairlead-error-code"), "not_connected");
  EXPECT_EQ(exhausted->header("fairlead-attempts"), "3");
}

TEST_P(DeadLetterEnvelope, PayloadThatDoesNotDecodeIsGivenUpAtOnceWithItsBytes) {
  std::string const payload("12\0\xff", 4);

  auto const dead = dead_letter_of_amount(payload);

  ASSERT_TRUE(dead.has_value());
  EXPECT_EQ(dead->payload, payload);
  EXPECT_EQ(dead->content_type, "text/amount");
  EXPECT_EQ(dead->header("fairlead-error-code"), "serialization");
  EXPECT_EQ(dead->header("fairlead-error"), "not an amount");
  EXPECT_EQ(dead->header("fairlead-attempts"), "1");
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(stats_.retried + stats_.delayed, 0U);
}

TEST_P(DeadLetterEnvelope, ValueThatIsNotValidIsGivenUpAtOnce) {
  auto const dead = dead_letter_of_amount("1001");

  ASSERT_TRUE(dead.has_value());
  EXPECT_EQ(dead->payload, "1001");
  EXPECT_EQ(dead->header("fairlead-error-code"), "validation");
  EXPECT_EQ(dead->header("fairlead-error"), "amount is above the limit");
  EXPECT_EQ(dead->header("fairlead-attempts"), "1");
  EXPECT_EQ(handled_, 0);
}

TEST_P(DeadLetterEnvelope, HandlerThatTakesTooLongFailsWithTheCodeOfATimeout) {
  auto configuration = config_with_tier();
  billing_of(configuration).timeout = 50ms;

  auto const dead = dead_letter_of(configuration, {.payload = "m"}, [](Broker& broker) {
    return broker
        .subscribe("billing",
                   [](Delivery const& delivery) {
                     EXPECT_TRUE(eventually([&] { return delivery.stop_token().stop_requested(); }));
                     return ack();
                   })
        .value();
  });

  ASSERT_TRUE(dead.has_value());
  EXPECT_EQ(dead->header("fairlead-error-code"), "timeout");
  EXPECT_NE(dead->header("fairlead-error").find("timeout"), std::string::npos) << dead->header("fairlead-error");
  EXPECT_EQ(dead->header("fairlead-attempts"), "3");
  EXPECT_EQ(stats_.overrun, 3U);
  EXPECT_EQ(stats_.handled, 0U);
}

}  // namespace
}  // namespace fairlead::conformance
