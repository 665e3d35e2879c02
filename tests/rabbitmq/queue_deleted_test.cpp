#include "rabbitmq/node.hpp"
#include "support/recorder.hpp"
#include "support/wait.hpp"

#include <algorithm>

namespace fairlead::rabbitmq {
namespace {

using namespace std::chrono_literals;
using test::eventually;

class QueueDeleted : public Node {
 protected:
  [[nodiscard]] bool has_logged_its_loss() const {
    auto const entries = log_->entries("subscription");
    return std::any_of(entries.begin(), entries.end(), [&](auto const& entry) {
      return std::any_of(entry.fields.begin(), entry.fields.end(),
                         [&](auto const& field) { return field.second.find(queue()) != std::string::npos; });
    });
  }
};

TEST_F(QueueDeleted, UnderAConsumerIsSeenAtOnceAndDeclaredAgain) {
  test::Recorder recorder;
  auto broker = open(config());
  auto billing = broker->subscribe("billing", recorder.handler()).value();
  auto publisher = broker->publisher(destination_).value();
  ASSERT_TRUE(publisher.publish("before"));
  ASSERT_TRUE(eventually([&] { return recorder.has("before"); }));
  ASSERT_TRUE(billing.health().is_healthy());

  control({"delete_queue", queue()});

  ASSERT_TRUE(eventually([&] { return billing.health().problem.has_value(); }, 1s + kSlack)) << "noticed";
  auto const problem = billing.health().problem.value_or(Error{});
  EXPECT_EQ(problem.code, Errc::kConnectionLost);
  EXPECT_NE(problem.message.find(queue()), std::string::npos) << problem.message;
  EXPECT_TRUE(has_logged_its_loss());
  // Until the queue is there again, a publish has nowhere to go.
  ASSERT_TRUE(eventually([&] { return publisher.publish("after").has_value(); }, 2s + kSlack)) << "declared again";
  EXPECT_TRUE(eventually([&] { return recorder.has("after"); })) << "consuming again";
  EXPECT_TRUE(eventually([&] { return billing.health().is_healthy(); }));
  EXPECT_EQ(broker->health().reconnects, 0u);
}

TEST_F(QueueDeleted, AndNotToBeDeclaredStaysAProblemUntilSomebodyDeclaresIt) {
  test::Recorder recorder;
  auto owner = open(config());
  ASSERT_TRUE(owner->declare(destination_));
  auto configuration = config();
  configuration.destinations[destination_].declare = false;
  auto broker = open(configuration);
  auto billing = broker->subscribe("billing", recorder.handler()).value();

  control({"delete_queue", queue()});
  ASSERT_TRUE(eventually([&] {
    auto const problem = billing.health().problem;
    return problem && problem->code == Errc::kUnknownDestination;
  })) << (billing.health().problem ? billing.health().problem->message : "no problem");

  ASSERT_TRUE(owner->declare(destination_));
  ASSERT_TRUE(owner->publisher(destination_).value().publish("m"));
  EXPECT_TRUE(eventually([&] { return recorder.has("m"); }, 2s + kSlack)) << "consuming again";
  EXPECT_TRUE(eventually([&] { return billing.health().is_healthy(); }));
}

}  // namespace
}  // namespace fairlead::rabbitmq
