#include "memory/source.hpp"
#include "memory_rig.hpp"
#include "support/fake_intake.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

// The logs of delayed retries, which a member reads beside the log of its destination.
namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::FakeIntake;
using test::MemoryRig;

struct RetryRig : MemoryRig {
  explicit RetryRig(int partitions = 1) : MemoryRig(partitions) {
    for (auto const& tier : declare_retries({10s})) tiers.push_back(store->find(tier.name));
  }
  [[nodiscard]] Log& tier() const { return *tiers.front(); }
  [[nodiscard]] std::vector<Log*> logs() const {
    std::vector<Log*> logs{log};
    logs.insert(logs.end(), tiers.begin(), tiers.end());
    return logs;
  }
  void append_due(std::string_view payload, std::chrono::milliseconds from_now, std::string_view key = {}) const {
    Headers const headers;
    Outbound message;
    message.payload = payload;
    message.key = key;
    message.headers = &headers;
    auto const due = std::chrono::system_clock::now().time_since_epoch() + from_now;
    message.due_at_ms = std::chrono::ceil<std::chrono::milliseconds>(due).count();
    store->append(tier(), Record::make(message)).value();
  }
  std::vector<Log*> tiers;
};

struct Member {
  explicit Member(RetryRig const& rig)
      : source(std::make_unique<MemorySource>(rig.store, rig.logs(), rig.spec(), intake)) {}
  [[nodiscard]] std::vector<std::string> payloads() const {
    std::vector<std::string> payloads;
    for (auto const& seen : intake.seen()) payloads.push_back(seen.payload);
    return payloads;
  }
  FakeIntake intake;
  std::unique_ptr<MemorySource> source;
};

TEST(MemoryRetry, MessageIsDeliveredWhenItIsDueAndHoldsNobodyElseUp) {
  RetryRig const rig;
  Member member(rig);
  rig.append_due("in an hour", 1h);
  rig.append("fresh").value();
  ASSERT_TRUE(member.intake.wait_for_messages(1));
  rig.append("fresh too").value();
  ASSERT_TRUE(member.intake.wait_for_messages(2));
  EXPECT_EQ(member.payloads(), (std::vector<std::string>{"fresh", "fresh too"}));
}

TEST(MemoryRetry, MemberThatSleepsWakesWhenAMessageIsDue) {
  RetryRig const rig;
  Member member(rig);
  ASSERT_TRUE(member.intake.wait_for_lanes(2));
  auto const published = std::chrono::steady_clock::now();
  rig.append_due("soon", 50ms);
  ASSERT_TRUE(member.intake.wait_for_messages(1));
  EXPECT_GE(std::chrono::steady_clock::now() - published, 50ms);
}

TEST(MemoryRetry, MessagesOfATierKeepTheirOrder) {
  RetryRig const rig;
  rig.append_due("first", 80ms);
  rig.append_due("second", 10ms);
  Member member(rig);
  ASSERT_TRUE(member.intake.wait_for_messages(2));
  EXPECT_EQ(member.payloads(), (std::vector<std::string>{"first", "second"}));
}

TEST(MemoryRetry, WhatWaitsIsTheNextMembersAndSettledInItsOwnLog) {
  RetryRig const rig;
  rig.append_due("one", 0ms);
  rig.append_due("two", 60ms);
  {
    Member member(rig);
    ASSERT_TRUE(member.intake.wait_for_messages(1));
    auto const seen = member.intake.seen().front();
    EXPECT_EQ(seen.partition, 0);
    EXPECT_EQ(seen.position, 0);
    EXPECT_NE(seen.lane.id, 0) << "the destination's partition has that lane";
    member.source->settle(seen.lane, seen.position);
    member.source->close(std::chrono::steady_clock::now()).value();
  }
  Member next(rig);
  ASSERT_TRUE(next.intake.wait_for_messages(1));
  EXPECT_EQ(next.payloads(), (std::vector<std::string>{"two"}));
}

TEST(MemoryRetry, GroupThatStartsAtTheLatestStillGetsItsRetries) {
  RetryRig const rig;
  rig.append("old").value();
  rig.append_due("retried", 0ms);
  FakeIntake intake;
  MemorySource const source(rig.store, rig.logs(), rig.spec("billing", StartFrom::kLatest), intake);
  ASSERT_TRUE(intake.wait_for_messages(1));
  EXPECT_EQ(intake.seen().front().payload, "retried");
}

TEST(MemoryRetry, MemberGetsTheSamePartitionNumbersOfEveryLog) {
  RetryRig const rig(6);
  Member first(rig);
  Member second(rig);
  ASSERT_TRUE(first.intake.wait_for_lanes(6));
  ASSERT_TRUE(second.intake.wait_for_lanes(6));
  for (int i = 0; i < 6; ++i) rig.append("fresh").value();  // by turns to all partitions
  for (int i = 0; i < 6; ++i) rig.append_due("retried", 0ms);
  ASSERT_TRUE(first.intake.wait_for_messages(6));
  ASSERT_TRUE(second.intake.wait_for_messages(6));
  auto const partitions = [](Member const& member, std::string_view payload) {
    std::set<std::int32_t> found;
    for (auto const& seen : member.intake.seen()) {
      if (seen.payload == payload) found.insert(seen.partition);
    }
    return found;
  };
  EXPECT_EQ(partitions(first, "fresh").size(), 3U);
  EXPECT_EQ(partitions(first, "fresh"), partitions(first, "retried"));
  EXPECT_EQ(partitions(second, "fresh"), partitions(second, "retried"));
}

}  // namespace
}  // namespace fairlead
