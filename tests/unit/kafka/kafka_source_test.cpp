#include "unit/kafka/source_on_a_broker.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

// What KafkaSource asks of librdkafka, on a real broker: a fake shows nothing about its queues.
namespace fairlead::kafka {
namespace {

using namespace std::chrono_literals;
using test::FakeIntake;
using test::KafkaSourceOnABroker;
using test::kMuch;
using test::kPatience;
using Clock = std::chrono::steady_clock;

TEST_F(KafkaSourceOnABroker, SeekBackIsFollowedByWhatComesThereAndNothingThatWasFetchedBefore) {
  publish(0, 5'000);
  FakeIntake intake({100, 1'000'000'000});
  auto const source = member(intake);
  ASSERT_TRUE(intake.wait_for_messages(100));  // the rest lies in librdkafka's queue

  ASSERT_TRUE(done(source->seek(SeekTarget::to_position(0, 50), Clock::now() + kPatience)));

  auto const before = intake.seen().size();
  intake.set_room(kMuch);
  source->room_available();
  ASSERT_TRUE(intake.wait_for_messages(before + 4'950));
  EXPECT_EQ(positions_in_last_epoch(intake), all_between(50, 5'000));
  leave(*source, intake);
}

TEST_F(KafkaSourceOnABroker, SeekAheadSkipsWhatWasFetchedBefore) {
  publish(0, 5'000);
  FakeIntake intake({100, 1'000'000'000});
  auto const source = member(intake);
  ASSERT_TRUE(intake.wait_for_messages(100));

  ASSERT_TRUE(done(source->seek(SeekTarget::to_position(0, 4'000), Clock::now() + kPatience)));

  auto const before = intake.seen().size();
  intake.set_room(kMuch);
  source->room_available();
  ASSERT_TRUE(intake.wait_for_messages(before + 1'000));
  EXPECT_EQ(positions_in_last_epoch(intake), all_between(4'000, 5'000));
  leave(*source, intake);
}

TEST_F(KafkaSourceOnABroker, SeekMayBeRepeatedWhileMessagesFlow) {
  publish(0, 2'000);
  FakeIntake intake(kMuch);
  auto const source = member(intake);
  ASSERT_TRUE(intake.wait_for_messages(1));

  for (std::int64_t const position : {1'500, 0, 700, 1'999, 3}) {
    ASSERT_TRUE(done(source->seek(SeekTarget::to_position(0, position), Clock::now() + kPatience)));
  }

  // One that was fetched between two seeks may still come first (librdkafka 2.0.2); then the lane begins once more.
  EXPECT_TRUE(test::eventually([&] { return positions_in_last_epoch(intake) == all_between(3, 2'000); }));
  leave(*source, intake);
}

TEST_F(KafkaSourceOnABroker, SeekRightAfterOpeningWaitsUntilThereIsSomethingToMove) {
  publish(0, 100);
  FakeIntake intake(kMuch);
  auto const source = member(intake);

  ASSERT_TRUE(done(source->seek(SeekTarget::to_position(0, 90), Clock::now() + kPatience)));

  ASSERT_TRUE(intake.wait_until_last(1, 99));
  EXPECT_EQ(positions_in_last_epoch(intake), all_between(90, 100));
  leave(*source, intake);
}

TEST_F(KafkaSourceOnABroker, RestartContinuesWhereASeekBackWentAndLateSettlementsChangeNothing) {
  publish(0, 100);
  {
    FakeIntake intake(kMuch);
    auto const source = member(intake);
    ASSERT_TRUE(intake.wait_for_messages(100));
    auto const old = intake.seen().front().lane;
    source->settle(old, 99);
    ASSERT_TRUE(done(source->seek(SeekTarget::to_position(0, 40), Clock::now() + kPatience)));
    source->settle(old, 99);
    leave(*source, intake);
  }
  FakeIntake intake(kMuch);
  auto const source = member(intake);
  ASSERT_TRUE(intake.wait_for_messages(60));
  EXPECT_EQ(positions_in_last_epoch(intake), all_between(40, 100));
  leave(*source, intake);
}

TEST_F(KafkaSourceOnABroker, SeekToTheEndsAndToATime) {
  publish(0, 10);
  FakeIntake intake(kMuch);
  auto const source = member(intake);
  ASSERT_TRUE(intake.wait_for_messages(10));

  ASSERT_TRUE(done(source->seek(SeekTarget::to_earliest(), Clock::now() + kPatience)));
  EXPECT_TRUE(test::eventually([&] { return positions_in_last_epoch(intake) == all_between(0, 10); }));

  auto const between = std::chrono::system_clock::now() + 1ms;
  while (std::chrono::system_clock::now() < between) {
  }
  publish(10, 20);
  ASSERT_TRUE(intake.wait_for_messages(30));
  ASSERT_TRUE(done(source->seek(SeekTarget::to_time(between), Clock::now() + kPatience)));
  EXPECT_TRUE(test::eventually([&] { return positions_in_last_epoch(intake) == all_between(10, 20); }));

  ASSERT_TRUE(done(source->seek(SeekTarget::to_time(between + 1h), Clock::now() + kPatience)))
      << "nothing was published then";
  ASSERT_TRUE(done(source->seek(SeekTarget::to_latest(), Clock::now() + kPatience)));
  publish(20, 21);
  // What was fetched between two seeks may still come first (librdkafka 2.0.2).
  EXPECT_TRUE(test::eventually([&] { return positions_in_last_epoch(intake).back() == 20; }));
  leave(*source, intake);
}

TEST_F(KafkaSourceOnABroker, RetryAtOnceLiesInTheDestinationsTopicWithTheNameOfItsGroup) {
  FakeIntake intake(kMuch);
  auto const source = member(intake);
  publish(0, 1);
  broker_->publisher(topic_ + "." + group() + ".retry").value().publish("again").value();
  ASSERT_TRUE(intake.wait_for_messages(2));
  auto const seen = intake.seen();
  EXPECT_EQ(seen[0].only_group, "");
  EXPECT_EQ(seen[1].payload, "again");
  EXPECT_EQ(seen[1].only_group, group()) << "other groups settle it unseen";
  EXPECT_EQ(seen[1].lane, seen[0].lane);
  leave(*source, intake);
}

TEST_F(KafkaSourceOnABroker, PositionsThatTheTopicDoesNotKeepAreRefused) {
  publish(0, 10);
  FakeIntake intake(kMuch);
  auto const source = member(intake);
  for (auto const& target :
       {SeekTarget::to_position(0, 11), SeekTarget::to_position(0, -1), SeekTarget::to_position(1, 0)}) {
    auto const refused = source->seek(target, Clock::now() + kPatience);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kInvalidArgument) << refused.error().message;
  }
  leave(*source, intake);
  auto const closed = source->seek(SeekTarget::to_earliest(), Clock::now() + kPatience);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, Errc::kClosed);
}

TEST_F(KafkaSourceOnABroker, CloseSaysHowManyMessagesKeepTheConsumer) {
  publish(0, 3);
  FakeIntake intake(kMuch);
  auto const source = member(intake);
  ASSERT_TRUE(intake.wait_for_messages(3));

  (void)source->close(Clock::now() + 100ms);

  auto const told = notebook_->entries("kafka");
  ASSERT_FALSE(told.empty());
  EXPECT_NE(told.back().text.find("messages of it are still being handled"), std::string::npos) << told.back().text;
  EXPECT_TRUE(told.back().fields.contains("messages"));
  intake.release();
}

}  // namespace
}  // namespace fairlead::kafka
