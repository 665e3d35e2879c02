#include "unit/kafka/mock_cluster.hpp"
#include "unit/kafka/source_on_a_mock.hpp"

#include <gtest/gtest.h>

// A coordinator that falls silent.
namespace fairlead::kafka {
namespace {

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
  ASSERT_TRUE(test::eventually([&] { return committed() == end_; }));
  close_in(std::chrono::seconds(10));
}

}  // namespace
}  // namespace fairlead::kafka
