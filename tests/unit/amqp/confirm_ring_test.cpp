#include "amqp/confirm_ring.hpp"

#include "publish/confirm_window.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace fairlead::amqp {
namespace {

/// Messages are told apart by their offset.
class Ring : public testing::Test {
 protected:
  void push_unsent(std::uint32_t name, std::size_t fingerprint = 0) {
    ring_.push({&pending_[name % pending_.size()], fingerprint, nullptr, name, 1});
  }
  void push(std::uint32_t name, std::size_t fingerprint = 0) {
    push_unsent(name, fingerprint);
    ring_.send();
  }
  std::vector<std::uint32_t> settle(std::uint64_t tag, bool multiple) {
    std::vector<std::uint32_t> names;
    ring_.settle(tag, multiple, [&](Unconfirmed& message) { names.push_back(message.offset); });
    return names;
  }
  std::vector<std::uint32_t> returned() {
    std::vector<std::uint32_t> names;
    ring_.for_each_sent([&](Unconfirmed& message) {
      if (message.is_returned) names.push_back(message.offset);
    });
    return names;
  }

  std::array<PendingPublish, 64> pending_;
  ConfirmRing ring_{16};
};

using Names = std::vector<std::uint32_t>;

TEST_F(Ring, SingleConfirmsMayComeInAnyOrder) {
  for (std::uint32_t name = 1; name <= 4; ++name) push(name);
  EXPECT_EQ(settle(3, false), Names{3});
  EXPECT_EQ(settle(1, false), Names{1});
  EXPECT_EQ(settle(4, false), Names{4});
  EXPECT_EQ(settle(2, false), Names{2});
  EXPECT_EQ(ring_.size(), 0u);
}

TEST_F(Ring, MultipleConfirmsAllBeforeItThatWereNotConfirmedYet) {
  for (std::uint32_t name = 1; name <= 5; ++name) push(name);
  EXPECT_EQ(settle(2, false), Names{2});
  EXPECT_EQ(settle(4, true), (Names{1, 3, 4}));
  EXPECT_EQ(settle(5, true), Names{5});
}

TEST_F(Ring, MultipleWithTagZeroConfirmsEverything) {
  for (std::uint32_t name = 1; name <= 3; ++name) push(name);
  EXPECT_EQ(settle(0, true), (Names{1, 2, 3}));
}

TEST_F(Ring, ConfirmsOfUnknownTagsChangeNothing) {
  push(1);
  EXPECT_EQ(settle(2, false), Names{});
  EXPECT_EQ(settle(1, false), Names{1});
  EXPECT_EQ(settle(1, false), Names{}) << "a second confirm of the same message";
  EXPECT_EQ(settle(0, false), Names{});
  EXPECT_EQ(settle(0, true), Names{});
}

TEST_F(Ring, GrowsPastWhatWasExpectedAndKeepsTheTags) {
  for (std::uint32_t name = 1; name <= 10; ++name) push(name);
  EXPECT_EQ(settle(8, true).size(), 8u);  // the ring now begins in the middle of its storage
  for (std::uint32_t name = 11; name <= 60; ++name) push(name);
  EXPECT_EQ(settle(37, false), Names{37});
  EXPECT_EQ(settle(60, true).size(), 51u);
}

TEST_F(Ring, AReturnMarksTheOldestMatchingMessage) {
  push(1, 100);
  push(2, 200);
  push(3, 200);
  EXPECT_TRUE(ring_.mark_returned(200));
  EXPECT_EQ(returned(), Names{2});
  EXPECT_TRUE(ring_.mark_returned(200));
  EXPECT_EQ(returned(), (Names{2, 3}));
  EXPECT_FALSE(ring_.mark_returned(200));
  EXPECT_FALSE(ring_.mark_returned(300));
}

TEST_F(Ring, ANewChannelCountsTagsFromOneForWhatIsLeft) {
  for (std::uint32_t name = 1; name <= 6; ++name) push(name);
  EXPECT_EQ(settle(2, true).size(), 2u);
  ring_.restart([](Unconfirmed const& message, bool) { return message.offset < 5; });
  EXPECT_EQ(settle(1, false), Names{}) << "not sent yet";
  EXPECT_EQ(ring_.send(), 1u);
  EXPECT_EQ(ring_.send(), 2u);
  EXPECT_EQ(settle(1, false), Names{5});
  EXPECT_EQ(settle(2, false), Names{6});
}

TEST_F(Ring, ANewChannelLearnsWhatWasSentOnTheOldOne) {
  push(1);
  push(2);
  push_unsent(3);
  std::vector<bool> sent;
  ring_.restart([&](Unconfirmed const&, bool was_sent) {
    sent.push_back(was_sent);
    return false;
  });
  EXPECT_EQ(sent, (std::vector<bool>{true, true, false}));
  EXPECT_EQ(ring_.sent(), 0u);
  EXPECT_EQ(ring_.next_unsent().offset, 1u);
}

TEST_F(Ring, WhatWasNotSentIsNeitherConfirmedNorReturned) {
  push(1);
  push_unsent(2, 200);
  EXPECT_FALSE(ring_.mark_returned(200));
  EXPECT_EQ(settle(0, true), Names{1});
  EXPECT_EQ(settle(2, true), Names{});
  EXPECT_EQ(ring_.send(), 2u);
  EXPECT_TRUE(ring_.mark_returned(200));
  EXPECT_EQ(settle(2, true), Names{2});
}

TEST_F(Ring, WhatWasNotWrittenIsUnsentAgain) {
  for (std::uint32_t name = 1; name <= 5; ++name) push(name);
  EXPECT_EQ(settle(1, false), Names{1});
  ring_.unsend_from(1, [](Unconfirmed const& message) { return message.offset < 4; });
  EXPECT_EQ(ring_.sent(), 2u);
  EXPECT_EQ(ring_.next_unsent().offset, 4u);
  ring_.unsend_from(9, [](Unconfirmed const&) { return false; });
  EXPECT_EQ(ring_.sent(), 2u) << "tags that were not given";
  ring_.remove_unsent_if([](Unconfirmed const& message) { return message.offset == 4; });
  EXPECT_EQ(ring_.next_unsent().offset, 5u);
  EXPECT_EQ(ring_.send(), 4u);
}

TEST_F(Ring, AMessageGivenUpFreesItsPlaceAndIgnoresItsLateConfirm) {
  for (std::uint32_t name = 1; name <= 3; ++name) push(name);
  ring_.for_each_sent([](Unconfirmed& message) {
    if (message.offset <= 2) message.pending = nullptr;
  });
  EXPECT_EQ(ring_.size(), 1u);
  EXPECT_EQ(settle(2, true), Names{});
  EXPECT_EQ(settle(3, true), Names{3});
}

}  // namespace
}  // namespace fairlead::amqp
