#include "memory/store.hpp"

#include "core/murmur2.hpp"
#include "memory_rig.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace fairlead {
namespace {

using test::MemoryRig;

/// Everything up to the end of the log is settled for a group.
void settle_all(MemoryRig const& rig, std::string const& group) {
  for (std::size_t i = 0; i < rig.log->partitions.size(); ++i) {
    rig.log->groups.find(group)->second.cursors[i].settled = rig.log->partitions[i].end();
  }
}

TEST(MemoryStore, BrokersOfOneNameShareItAndItEndsWithTheLast) {
  auto first = MemoryStore::get("shared", 100).value();
  EXPECT_EQ(MemoryStore::get("shared", 100).value(), first);
  EXPECT_NE(MemoryStore::get("other", 100).value(), first);
  auto const conflict = MemoryStore::get("shared", 200);
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code, Errc::kPreconditionFailed);
  EXPECT_NE(conflict.error().message.find("memory.max_bytes"), std::string::npos);
  std::weak_ptr<MemoryStore> const ended = first;
  first.reset();
  EXPECT_TRUE(ended.expired());
  EXPECT_TRUE(MemoryStore::get("shared", 200));
}

TEST(MemoryStore, PositionsGrowByOneInEachPartition) {
  MemoryRig const rig(2);
  EXPECT_EQ(rig.append("a", "key").value().position, 0);
  EXPECT_EQ(rig.append("b", "key").value().position, 1);
  EXPECT_EQ(rig.append("c", "key").value().position, 2);
}

TEST(MemoryStore, KeyChoosesThePartitionAsOnKafka) {
  MemoryRig const rig(7);
  for (int i = 0; i < 50; ++i) {
    auto const key = "key" + std::to_string(i);
    EXPECT_EQ(rig.append("x", key).value().partition, partition_of(key, 7));
  }
}

TEST(MemoryStore, MessagesWithoutAKeyGoRound) {
  MemoryRig const rig(3);
  std::set<std::int32_t> used;
  for (int i = 0; i < 3; ++i) used.insert(rig.append("x").value().partition);
  EXPECT_EQ(used.size(), 3U);
}

TEST(MemoryStore, DeclaringAgainKeepsWhatIsThereAndRefusesOtherPartitions) {
  MemoryRig rig(2);
  rig.append("kept").value();
  EXPECT_TRUE(rig.store->declare(rig.plan));
  EXPECT_EQ(rig.store->find("orders"), rig.log);
  rig.plan.config.partitions = 3;
  auto const refused = rig.store->declare(rig.plan);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kPreconditionFailed);
  EXPECT_NE(refused.error().message.find("destinations.orders.partitions"), std::string::npos);
  EXPECT_EQ(rig.store->find("unknown"), nullptr);
}

TEST(MemoryStore, FullStoreRefusesRatherThanLoseWhatAGroupHasNotSettled) {
  MemoryRig const rig(1, {"audit", "billing", "shipping"}, 10'000);
  std::string const payload(900, 'x');
  int kept = 0;
  while (rig.append(payload)) ++kept;
  EXPECT_GT(kept, 5);
  auto const refused = rig.append(payload);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kRefused);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_NE(refused.error().message.find("memory.max_bytes"), std::string::npos);
  settle_all(rig, "audit");
  settle_all(rig, "shipping");
  EXPECT_FALSE(rig.append(payload)) << "billing has not settled them";
  settle_all(rig, "billing");
  EXPECT_EQ(rig.append(payload).value().position, kept);
  EXPECT_EQ(rig.log->partitions[0].first, 1) << "no more is dropped than is needed";
}

TEST(MemoryStore, KeepsWhatNoGroupHasAskedForYet) {
  MemoryRig const rig(1, {}, 10'000);
  std::string const payload(900, 'x');
  while (rig.append(payload)) {
  }
  EXPECT_EQ(rig.log->partitions[0].first, 0);
}

TEST(MemoryStore, DropsTheOldestOfAllPartitionsFirst) {
  MemoryRig const rig(2, {"billing"}, 10'000);
  std::string const payload(900, 'x');
  while (rig.append(payload)) {  // by turns to partition 0 and 1
  }
  settle_all(rig, "billing");
  for (int i = 0; i < 4; ++i) rig.append(payload).value();
  EXPECT_EQ(rig.log->partitions[0].first, 2);
  EXPECT_EQ(rig.log->partitions[1].first, 2);
}

TEST(MemoryStore, DroppedRecordLivesOnInItsDeliveries) {
  MemoryRig const rig(1, {"billing"}, 5'000);
  rig.append(std::string(900, 'a')).value();
  auto const held = rig.log->partitions[0].at(0).share();
  settle_all(rig, "billing");
  while (rig.log->partitions[0].first == 0) {
    rig.append(std::string(900, 'b')).value();
    settle_all(rig, "billing");
  }
  Inbound delivery;
  held->fill(delivery, held->share());
  EXPECT_EQ(delivery.payload, std::string(900, 'a'));
}

TEST(MemoryStore, FirstMemberDecidesWhereItsGroupBegins) {
  MemoryRig rig(1, {"billing"});
  rig.append("before").value();
  auto const& billing = *rig.join("billing").group;
  auto const& late = *rig.join("late", StartFrom::kLatest).group;
  auto const& replay = *rig.join("replay").group;
  EXPECT_EQ(billing.cursors[0].settled, 0);
  EXPECT_EQ(late.cursors[0].settled, 1);
  EXPECT_EQ(replay.cursors[0].settled, 0);
  rig.append("after").value();
  (void)rig.join("late", StartFrom::kLatest);
  EXPECT_EQ(late.cursors[0].settled, 1) << "a group that has begun keeps its position";
}

TEST(MemoryStore, PartitionsAreSharedOutAmongTheMembers) {
  MemoryRig rig(4);
  auto const first = rig.join("billing");
  auto const wanted_by = [&](MemberId member) {
    std::size_t count = 0;
    for (auto const& cursor : first.group->cursors) count += cursor.wanted == member ? 1U : 0U;
    return count;
  };
  EXPECT_EQ(wanted_by(first.member), 4U);
  auto const second = rig.join("billing");
  EXPECT_EQ(wanted_by(first.member), 2U);
  EXPECT_EQ(wanted_by(second.member), 2U);
  rig.leave("billing", first.member);
  EXPECT_EQ(wanted_by(second.member), 4U);
  rig.leave("billing", second.member);
  EXPECT_EQ(wanted_by(kNobody), 4U);
}

TEST(Record, CarriesEverythingInOneAllocation) {
  Headers headers;
  headers.set("tenant", "north");
  headers.set("empty", "");
  Outbound message;
  message.payload = "hello";
  message.key = "k";
  message.id = "id";
  message.idempotency_key = "effect";
  message.content_type = "text/plain";
  message.routing_key = "eu";
  message.traceparent = "trace";
  message.due_at_ms = 7'000;
  message.only_group = "billing";
  message.headers = &headers;
  message.timestamp_ms = 1000;
  message.time_to_live = std::chrono::milliseconds(50);
  auto const record = Record::make(message);
  Inbound delivery;
  record->fill(delivery, record->share());
  EXPECT_EQ(delivery.payload, "hello");
  EXPECT_EQ(delivery.key, "k");
  EXPECT_EQ(delivery.id, "id");
  EXPECT_EQ(delivery.idempotency_key, "effect");
  EXPECT_EQ(delivery.content_type, "text/plain");
  EXPECT_EQ(delivery.routing_key, "eu");
  EXPECT_EQ(delivery.traceparent, "trace");
  EXPECT_EQ(delivery.due_at_ms, 7'000);
  EXPECT_EQ(delivery.only_group, "billing");
  EXPECT_EQ(delivery.timestamp_ms, 1000);
  EXPECT_EQ(delivery.expires_at_ms, 1050);
  ASSERT_EQ(delivery.headers.size(), 2U);
  EXPECT_EQ(delivery.headers[0].name, "tenant");
  EXPECT_EQ(delivery.headers[0].value, "north");
  EXPECT_EQ(delivery.headers[1].value, "");
  EXPECT_GE(record->size(), sizeof(Record) + 5U);
}

}  // namespace
}  // namespace fairlead
