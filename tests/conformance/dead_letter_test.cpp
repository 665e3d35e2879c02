#include "conformance/conformance.hpp"

#include <stdexcept>

// A message given up on is kept with the reason, in `<destination>.<group>.dlq`.
namespace fairlead::conformance {
namespace {

class DeadLetter : public Conformance {
 protected:
  /// Handles one message with `decide` and returns what the dead letter got of it.
  [[nodiscard]] std::optional<Seen> dead_letter_of(Message const& message, Recorder::Decide decide) {
    auto configuration = config();
    billing_of(configuration).retry.max_attempts = 3;
    read_dead_letters(configuration);
    auto broker = open(configuration);
    auto billing = broker->subscribe("billing", handled_.handler(std::move(decide))).value();
    auto dead = broker->subscribe("inspection", dead_.handler()).value();
    publish(*broker, {message});
    if (!eventually([&] { return dead_.finished() == 1; })) return std::nullopt;
    EXPECT_TRUE(eventually([&] { return billing.stats().dead_lettered == 1 && billing.stats().in_flight == 0; }));
    EXPECT_TRUE(broker->close(kPatience));
    return dead_.seen().front();
  }
  Recorder handled_;
  Recorder dead_;
};
INSTANTIATE_TEST_SUITE_P(On, DeadLetter, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(DeadLetter, GetsTheMessageWhenItsAttemptsAreUsedUp) {
  Message const message{.payload = std::string("a\0b\xff", 4),
                        .key = "user-7",
                        .headers = {{"tenant", "blue"}, {"binary", std::string("\0\xfe", 2)}},
                        .id = "order-7",
                        .idempotency_key = "order-7:created",
                        .content_type = "text/plain"};

  auto const dead = dead_letter_of(message, [](Seen const&) { return retry("the ledger is down"); });

  ASSERT_TRUE(dead.has_value());
  EXPECT_EQ(handled_.begun(), 3U);
  EXPECT_EQ(dead->payload, message.payload);
  EXPECT_EQ(dead->key, "user-7");
  EXPECT_EQ(dead->id, "order-7");
  EXPECT_EQ(dead->idempotency_key, "order-7:created");
  EXPECT_EQ(dead->content_type, "text/plain");
  EXPECT_EQ(dead->header("tenant"), "blue");
  EXPECT_EQ(dead->header("binary"), std::string("\0\xfe", 2));
  EXPECT_EQ(dead->header("fairlead-original-destination"), destination_);
  EXPECT_EQ(dead->header("fairlead-group"), group_of("billing"));
  EXPECT_EQ(dead->header("fairlead-attempts"), "3");
  EXPECT_NE(dead->header("fairlead-error").find("the ledger is down"), std::string::npos)
      << dead->header("fairlead-error");
}

TEST_P(DeadLetter, GetsARejectedMessageAtOnce) {
  auto const dead = dead_letter_of({.payload = "m"}, [](Seen const&) { return reject("unknown product"); });

  ASSERT_TRUE(dead.has_value());
  EXPECT_EQ(handled_.begun(), 1U);
  EXPECT_EQ(dead->header("fairlead-attempts"), "1");
  EXPECT_NE(dead->header("fairlead-error").find("unknown product"), std::string::npos);
}

TEST_P(DeadLetter, NamesTheExceptionOfAHandlerThatThrows) {
  auto const dead =
      dead_letter_of({.payload = "m"}, [](Seen const&) -> Outcome { throw std::runtime_error("card declined"); });

  ASSERT_TRUE(dead.has_value());
  EXPECT_EQ(handled_.begun(), 3U);
  EXPECT_NE(dead->header("fairlead-error").find("card declined"), std::string::npos);
}

TEST_P(DeadLetter, TakesAReasonOfAnyBytesAndLength) {
  std::string reason = "line\r\n\xff\xfe";
  reason.append(100'000, 'x');

  auto const dead = dead_letter_of({.payload = "m"}, [&](Seen const&) { return reject(reason); });

  ASSERT_TRUE(dead.has_value());
  EXPECT_NE(dead->header("fairlead-error").find("line"), std::string::npos);
}

TEST_P(DeadLetter, TakesAMessageThatIsAsLargeAsAllowed) {
  Message message{.payload = std::string(config().publish.max_message_bytes - 1'000, 'x'), .id = "large"};
  for (int index = 0; index < 10; ++index) message.headers.set("h" + std::to_string(index), "v");

  auto const dead = dead_letter_of(message, [](Seen const&) { return reject("too heavy"); });

  ASSERT_TRUE(dead.has_value());
  EXPECT_TRUE(dead->payload == message.payload);
}

TEST_P(DeadLetter, IsKeptUntilSomebodyReadsIt) {
  auto configuration = config();
  {
    auto broker = open(configuration);
    auto billing = broker->subscribe("billing", [](Delivery const&) { return reject("no"); }).value();
    publish(*broker, numbered("m", 10));
    ASSERT_TRUE(eventually([&] { return billing.stats().dead_lettered == 10; }));
    ASSERT_TRUE(broker->close(kPatience));
  }
  read_dead_letters(configuration);
  auto broker = open(configuration);
  auto dead = broker->subscribe("inspection", dead_.handler()).value();

  ASSERT_TRUE(eventually([&] { return dead_.finished() == 10; })) << dead_.finished();
  EXPECT_EQ(dead_.distinct_payloads(), distinct(payloads_of(numbered("m", 10))));
}

TEST_P(DeadLetter, SwitchedOffDropsAndSettles) {
  Recorder after;
  auto configuration = config();
  billing_of(configuration).dead_letter = false;
  {
    auto broker = open(configuration);
    auto billing = broker->subscribe("billing", handled_.handler([](Seen const&) { return reject("no"); })).value();
    publish(*broker, numbered("m", 10));
    ASSERT_TRUE(eventually([&] { return billing.stats().dropped == 10 && billing.stats().in_flight == 0; }));
    EXPECT_EQ(billing.stats().dead_lettered, 0U);
    ASSERT_TRUE(broker->close(kPatience));
  }
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", after.handler()).value();
  publish(*broker, "new");

  ASSERT_TRUE(eventually([&] { return after.finished() == 1; }));
  EXPECT_EQ(after.payloads(), std::vector<std::string>{"new"});
}

}  // namespace
}  // namespace fairlead::conformance
