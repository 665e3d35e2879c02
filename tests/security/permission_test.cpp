#include "security/kafka_acls.hpp"
#include "security/secured.hpp"
#include "support/recorder.hpp"

#include <optional>

// Rights that are taken away, and given back, while they are used.
namespace fairlead::security {
namespace {

using Permission = Secured;

TEST_F(Permission, OfAKafkaTopicThatIsTakenAwayIsToldAndHeals) {
  auto made = config("kafka://alice:alice-secret@" + address("KAFKA_BOOTSTRAP_SASL_PLAIN"));
  auto broker = Broker::open(made, {.logger = log_}).value();
  auto publisher = broker->publisher(destination_).value();
  test::Recorder const recorder;
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  PublishOptions const quick{.deadline = 5s};
  ASSERT_TRUE(publisher.publish("before", quick));
  ASSERT_TRUE(eventually([&] { return recorder.has("before"); }));
  KafkaAcls const acls(address("KAFKA_BOOTSTRAP"), destination_);

  acls.deny("alice");
  std::optional<Error> refused;
  ASSERT_TRUE(eventually([&] {  // the news takes a moment
    auto const published = publisher.publish("m", quick);
    if (!published) refused = published.error();
    return refused.has_value();
  }));
  expect_error(*refused, Errc::kAccessDenied, {destination_});
  EXPECT_EQ(publish_status(Result<Receipt>(*refused)), PublishStatus::kNotPersisted);
  EXPECT_TRUE(eventually([&] {
    auto const health = billing.health();
    return health.problem && health.problem->code == Errc::kAccessDenied;
  })) << "the subscription may not read either";

  acls.clear();
  EXPECT_TRUE(eventually([&] { return publisher.publish("after", quick).has_value(); }));
  ASSERT_TRUE(publisher.publish("more", quick));
  EXPECT_TRUE(eventually([&] { return recorder.has("more"); }));
  EXPECT_TRUE(eventually([&] { return !billing.health().problem; }));
}

}  // namespace
}  // namespace fairlead::security
