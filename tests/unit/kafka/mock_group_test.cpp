#include "unit/kafka/mock_cluster.hpp"
#include "unit/kafka/source_on_a_mock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

// A coordinator that falls silent.
namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::kBrokers;
using test::MockCluster;

using KafkaSourceInAGroup = test::KafkaSourceOnAMock;

TEST_F(KafkaSourceInAGroup, AJoinThatGetsNoAnswerIsTriedAgain) {
  for (int broker = 1; broker <= kBrokers; ++broker) cluster_.ignore_next(MockCluster::kJoinGroup, broker);
  open([](SourceSetup& setup) {
    setup.options["session.timeout.ms"] = "4000";    // the mock cluster lets a group of one join after 3 s
    setup.options["max.poll.interval.ms"] = "4000";  // and three seconds of librdkafka's own
  });
  publish(20);
  read_and_settle();
  ASSERT_TRUE(eventually([&] { return committed() == end_; }));
  close_in(10s);
}

// As librdkafka 2.0.2 is when its session ends while its topic is made anew.
TEST_F(KafkaSourceInAGroup, AConsumerThatLostItsSessionAndIsNotHeardOfAgainIsMadeAnew) {
  open([](SourceSetup& setup) {
    setup.options["session.timeout.ms"] = "4000";
    setup.until_joined = 4s;
  });
  publish(20);
  read_and_settle();
  ASSERT_TRUE(eventually([&] { return committed() == end_; }));

  cluster_.ignore_next(MockCluster::kHeartbeat, 1);
  // The first of them ends with the connection that the heartbeat was sent on, the other one after a minute.
  for (int i = 0; i < 2; ++i) cluster_.ignore_next(MockCluster::kJoinGroup, 1);
  ASSERT_TRUE(eventually([&] { return intake_.lanes().empty(); }));
  publish(20);
  read_and_settle();
  EXPECT_TRUE(eventually([&] { return committed() == end_; }));
  auto const reports = intake_.reports();
  EXPECT_TRUE(std::ranges::any_of(
      reports, [](Error const& error) { return error.message.find("is made anew") != std::string::npos; }));
  close_in(10s);
  check_positions();
}

}  // namespace
}  // namespace fairlead::kafka
