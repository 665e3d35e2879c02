#include "support/wait.hpp"
#include "unit/kafka/source_on_a_broker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

// A consumer of librdkafka's that has failed for good, on a real broker.
namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::FakeIntake;
using test::KafkaSourceOnABroker;
using test::kMuch;
using Clock = std::chrono::steady_clock;

class SourceRebuild : public KafkaSourceOnABroker {
 protected:
  SourceRebuild() { config_.kafka.conf["group.instance.id"] = "the-one"; }

  /// Another member with the same name joins, which fences the first one, and goes without a word.
  void take_the_name_away() {
    auto conf = make_conf(consumer_options(client(), group(), false)).value();
    auto* const intruder = rd_kafka_new(RD_KAFKA_CONSUMER, conf.release(), nullptr, 0);
    PartitionListPtr const topics(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(topics.get(), topic_.c_str(), RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(intruder, topics.get());
    auto const is_assigned = [intruder] {
      if (auto* const message = rd_kafka_consumer_poll(intruder, 50)) rd_kafka_message_destroy(message);
      rd_kafka_topic_partition_list_t* assigned = nullptr;
      rd_kafka_assignment(intruder, &assigned);
      PartitionListPtr const list(assigned);
      return list && list->cnt > 0;
    };
    EXPECT_TRUE(eventually(is_assigned));
    rd_kafka_consumer_close(intruder);
    rd_kafka_destroy(intruder);
  }
};

TEST_F(SourceRebuild, AMemberThatWasFencedJoinsAgainAndGoesOnWhereItsGroupStands) {
  FakeIntake intake(kMuch);
  auto const source = member(intake);
  publish(0, 10);
  ASSERT_TRUE(eventually([&] { return intake.seen().size() == 10; }));

  take_the_name_away();
  EXPECT_TRUE(eventually([&] {
    auto const told = intake.reports();
    return std::any_of(told.begin(), told.end(), [](Error const& error) {
      return error.message.find("failed for good and is made anew") != std::string::npos;
    });
  }));
  publish(10, 20);
  EXPECT_TRUE(eventually([&] {
    auto const seen = intake.seen();
    return std::any_of(seen.begin(), seen.end(), [](auto const& message) { return message.position == 19; });
  }));
  leave(*source, intake);
}

}  // namespace
}  // namespace fairlead::kafka
