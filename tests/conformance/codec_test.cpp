#include "conformance/conformance.hpp"

#include <fairlead/json.hpp>

#include <atomic>
#include <charconv>
#include <mutex>

namespace fairlead::conformance {

struct Order {
  std::string id;
  std::string user_id;
  double amount = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, id, user_id, amount)

Result<void> validate(Order const& order) {
  if (order.amount < 0) return Error{.code = Errc::kValidation, .message = "amount is negative"};
  return {};
}

/// A type with a codec of its own: a number as text.
struct Celsius {
  int degrees = 0;
};

}  // namespace fairlead::conformance

template <>
struct fairlead::Codec<fairlead::conformance::Celsius> {
  static constexpr std::string_view content_type = "text/plain";
  static Result<void> encode(conformance::Celsius const& value, std::string& out) {
    out += std::to_string(value.degrees);
    return {};
  }
  static Result<conformance::Celsius> decode(std::string_view payload) {
    conformance::Celsius value;
    auto const [end, problem] = std::from_chars(payload.data(), payload.data() + payload.size(), value.degrees);
    if (problem != std::errc() || end != payload.data() + payload.size()) {
      return Error{.code = Errc::kSerialization, .message = "not a number"};
    }
    return value;
  }
};

namespace fairlead::conformance {
namespace {

class Values : public Conformance {
 protected:
  /// Publishes raw bytes to a typed subscription and returns what the dead letter got.
  [[nodiscard]] std::optional<Seen> dead_letter_of(std::string const& payload, std::string const& content_type) {
    auto configuration = config();
    read_dead_letters(configuration);
    auto broker = open(configuration);
    auto billing = broker->subscribe<Order>("billing", [this](Order const&, Delivery const&) { ++handled_; }).value();
    auto dead = broker->subscribe("inspection", dead_.handler()).value();
    broker->publisher(destination_).value().publish(payload, {.content_type = content_type}).value();
    if (!eventually([&] { return dead_.finished() == 1; })) return std::nullopt;
    EXPECT_EQ(billing.stats().retried, 0U);
    return dead_.seen().front();
  }
  std::atomic<int> handled_{0};
  Recorder dead_;
};
INSTANTIATE_TEST_SUITE_P(On, Values, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Values, JsonArrivesAsTheValueThatWasPublished) {
  std::mutex mutex;
  std::optional<Order> received;
  std::string content_type;
  auto broker = open(config());
  auto billing = broker
                     ->subscribe<Order>("billing",
                                        [&](Order const& order, Delivery const& delivery) {
                                          std::lock_guard const lock(mutex);
                                          content_type = delivery.content_type();
                                          received = order;
                                          something_changed();
                                          return ack();
                                        })
                     .value();

  broker->publisher<Order>(destination_).value().publish({"order-1", "ada", 12.5}, {.key = "ada"}).value();

  ASSERT_TRUE(eventually([&] {
    std::lock_guard const lock(mutex);
    return received.has_value();
  }));
  EXPECT_EQ(received->id, "order-1");
  EXPECT_EQ(received->user_id, "ada");
  EXPECT_EQ(received->amount, 12.5);
  EXPECT_EQ(content_type, "application/json");
}

TEST_P(Values, InvalidValueIsRefusedBeforeItIsSent) {
  Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto publisher = broker->publisher<Order>(destination_).value();

  auto const refused = publisher.publish({"order-1", "ada", -1});
  std::optional<Errc> async;
  publisher.publish_async({"order-2", "ada", -1}, {},
                          [&](auto const& result) { async = result ? Errc::kInternal : result.error().code; });
  publisher.publish({"order-3", "ada", 1}).value();

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kValidation);
  EXPECT_EQ(refused.error().message, "amount is negative");
  EXPECT_EQ(async, Errc::kValidation);
  ASSERT_TRUE(eventually([&] { return recorder.finished() == 1; }));
  EXPECT_NE(recorder.payloads().front().find("order-3"), std::string::npos);
}

TEST_P(Values, PayloadThatDoesNotDecodeBecomesADeadLetterWithoutRetry) {
  std::string const payload = "{\"id\": 7, \xff not json";
  auto const dead = dead_letter_of(payload, "application/json");

  ASSERT_TRUE(dead.has_value());
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(dead->payload, payload);
  EXPECT_EQ(dead->header("fairlead-attempts"), "1");
  EXPECT_NE(dead->header("fairlead-error").find("JSON"), std::string::npos) << dead->header("fairlead-error");
}

TEST_P(Values, ReceivedValueIsValidatedToo) {
  auto const dead = dead_letter_of(R"({"id": "o", "user_id": "u", "amount": -5.0})", "application/json");

  ASSERT_TRUE(dead.has_value());
  EXPECT_EQ(handled_, 0);
  EXPECT_NE(dead->header("fairlead-error").find("amount is negative"), std::string::npos);
}

TEST_P(Values, OtherContentTypeBecomesADeadLetter) {
  auto const dead = dead_letter_of(R"({"id": "o", "user_id": "u", "amount": 5.0})", "application/xml");

  ASSERT_TRUE(dead.has_value());
  EXPECT_EQ(handled_, 0);
  EXPECT_NE(dead->header("fairlead-error").find("application/xml"), std::string::npos);
}

TEST_P(Values, UnknownFieldsAndContentTypeParametersAreTolerated) {
  auto broker = open(config());
  auto billing = broker
                     ->subscribe<Order>("billing",
                                        [&](Order const& order, Delivery const&) {
                                          if (order.id == "o") ++handled_;
                                        })
                     .value();
  auto publisher = broker->publisher(destination_).value();
  std::string const payload = R"({"id": "o", "user_id": "u", "amount": 5.0, "since_version_2": [1, 2]})";

  ASSERT_TRUE(publisher.publish(payload, {.content_type = "application/json; charset=utf-8"}));
  ASSERT_TRUE(publisher.publish(payload));

  EXPECT_TRUE(eventually([&] { return handled_ == 2; }));
}

TEST_P(Values, OwnCodecCarriesOwnTypes) {
  std::atomic<int> sum{0};
  auto broker = open(config());
  auto billing =
      broker->subscribe<Celsius>("billing", [&](Celsius const& value, Delivery const&) { sum += value.degrees; })
          .value();
  auto publisher = broker->publisher<Celsius>(destination_).value();

  publisher.publish({-40}).value();
  publisher.publish({82}).value();

  EXPECT_TRUE(eventually([&] { return sum == 42; }));
}

}  // namespace
}  // namespace fairlead::conformance
