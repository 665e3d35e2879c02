#include "observe/trace.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

namespace fairlead {
namespace {

std::string const kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Traceparent, AcceptsTheExampleOfTheRecommendation) { EXPECT_TRUE(is_traceparent(kParent)); }

TEST(Traceparent, RefusesWhatTheRecommendationForbids) {
  EXPECT_FALSE(is_traceparent(""));
  EXPECT_FALSE(is_traceparent("00"));
  EXPECT_FALSE(is_traceparent(kParent.substr(0, 54)));
  EXPECT_FALSE(is_traceparent(kParent + "0"));
  EXPECT_FALSE(is_traceparent(kParent + "-extra"));  // version 00 has nothing behind the flags
  EXPECT_FALSE(is_traceparent("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
  EXPECT_FALSE(is_traceparent("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"));
  EXPECT_FALSE(is_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
  EXPECT_FALSE(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"));
  EXPECT_FALSE(is_traceparent("00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
  EXPECT_FALSE(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g"));
}

TEST(Traceparent, ALaterVersionMayAppendFields) {
  EXPECT_TRUE(is_traceparent("01" + kParent.substr(2)));
  EXPECT_TRUE(is_traceparent("01" + kParent.substr(2) + "-more"));
  EXPECT_FALSE(is_traceparent("01" + kParent.substr(2) + "more"));
}

TEST(Traceparent, AChildKeepsTraceAndFlagsAndHasASpanOfItsOwn) {
  std::string child;
  make_traceparent(child, kParent);
  ASSERT_TRUE(is_traceparent(child)) << child;
  EXPECT_EQ(trace_id_of(child), trace_id_of(kParent));
  EXPECT_EQ(child.substr(52), kParent.substr(52));
  EXPECT_NE(child.substr(36, 16), kParent.substr(36, 16));
}

TEST(Traceparent, AChildOfALaterVersionIsOfVersionZero) {
  std::string child;
  make_traceparent(child, "cc" + kParent.substr(2) + "-what-is-new");
  EXPECT_TRUE(is_traceparent(child)) << child;
  EXPECT_EQ(child.substr(0, 36), kParent.substr(0, 36));
}

TEST(Traceparent, AnInvalidParentStartsANewSampledTrace) {
  for (std::string const parent : {"", "garbage", "00-00000000000000000000000000000000-b7ad6b7169203331-01"}) {
    std::string made;
    make_traceparent(made, parent);
    ASSERT_TRUE(is_traceparent(made)) << made;
    EXPECT_TRUE(made.ends_with("-01"));
  }
}

TEST(Traceparent, NewTracesDiffer) {
  std::set<std::string> seen;
  std::string made;
  for (int i = 0; i < 10'000; ++i) {
    make_traceparent(made, "");
    seen.insert(std::string(trace_id_of(made)));
  }
  EXPECT_EQ(seen.size(), 10'000U);
}

TEST(Traceparent, AParentMayLiveInTheResult) {
  std::string text = kParent;
  make_traceparent(text, text);
  EXPECT_EQ(trace_id_of(text), trace_id_of(kParent));
  EXPECT_TRUE(is_traceparent(text));
}

TEST(Traceparent, NothingIsAllocatedWhenThereIsRoom) {
  std::string text;
  text.reserve(64);
  auto const* const before = text.data();
  make_traceparent(text, kParent);
  EXPECT_EQ(text.data(), before);
}

TEST(Traceparent, HasNoTraceIdWhenItIsInvalid) { EXPECT_EQ(trace_id_of("garbage"), ""); }

TEST(TraceScope, NestsAndEnds) {
  EXPECT_EQ(current_traceparent(), "");
  {
    TraceScope const outer("outer");
    EXPECT_EQ(current_traceparent(), "outer");
    {
      TraceScope const inner("inner");
      EXPECT_EQ(current_traceparent(), "inner");
    }
    EXPECT_EQ(current_traceparent(), "outer");
  }
  EXPECT_EQ(current_traceparent(), "");
}

TEST(TraceScope, BelongsToItsThread) {
  TraceScope const scope("here");
  std::string elsewhere = "unset";
  std::thread([&] { elsewhere = current_traceparent(); }).join();
  EXPECT_EQ(elsewhere, "");
}

}  // namespace
}  // namespace fairlead
