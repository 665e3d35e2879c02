#include "cli/dlq_run.hpp"

#include "consume/inbound.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fairlead::cli {
namespace {

using namespace std::chrono_literals;
using Verdict = DeadLetterRun::Verdict;

constexpr std::chrono::system_clock::time_point kStart{std::chrono::seconds(1'772'366'400)};

DeadLetterRun run_of(DeadLetterChoice const& choice = {}, long max = 0) {
  return {DeadLetterFilter::make(choice, kStart).value(), "this-run", max, kStart};
}

Inbound dead_letter(std::int64_t position, std::string_view id,
                    std::string_view failed_at = "2026-03-01T11:00:00.000Z") {
  Inbound message;
  message.partition = 0;
  message.position = position;
  message.id = id;
  message.key = "ann";
  message.headers = {{"fairlead-failed-at", failed_at}};
  return message;
}

Verdict decide(DeadLetterRun& run, Inbound const& message) { return run.decide(Delivery(message)); }

DeadLetterChoice only(std::string const& key) {
  DeadLetterChoice choice;
  choice.key = key;
  return choice;
}

TEST(DeadLetterRun, TakesWhatMatchesAndPutsBackTheRest) {
  auto run = run_of(only("ann"));
  EXPECT_EQ(decide(run, dead_letter(0, "a")), Verdict::kTake);
  auto other = dead_letter(1, "b");
  other.key = "bob";
  EXPECT_EQ(decide(run, other), Verdict::kPutBack);
  EXPECT_EQ(decide(run, dead_letter(2, "c")), Verdict::kTake);
}

TEST(DeadLetterRun, EndsAtTheFirstThatItHasPutBackItself) {
  auto run = run_of(only("bob"));
  auto earlier = dead_letter(0, "a");
  earlier.headers.push_back({"fairlead-put-back-by", "another run"});
  EXPECT_EQ(decide(run, earlier), Verdict::kPutBack);
  auto own = dead_letter(1, "a");
  own.headers.push_back({"fairlead-put-back-by", "this-run"});
  own.position = 3;
  EXPECT_EQ(decide(run, own), Verdict::kLeave);
  EXPECT_EQ(decide(run, dead_letter(4, "behind")), Verdict::kLeave);
  EXPECT_EQ(decide(run, dead_letter(2, "before")), Verdict::kPutBack) << "its handler only came late";
}

TEST(DeadLetterRun, EndsAtTheFirstThatHasFailedAgain) {
  auto run = run_of();
  EXPECT_EQ(decide(run, dead_letter(0, "a")), Verdict::kTake);
  EXPECT_EQ(decide(run, dead_letter(1, "a")), Verdict::kTake) << "the same failure twice";
  EXPECT_EQ(decide(run, dead_letter(2, "a", "2026-03-01T12:00:01.000Z")), Verdict::kLeave);
}

TEST(DeadLetterRun, WithoutIdsEndsAtTheFirstFailureAfterItsStart) {
  auto run = run_of();
  EXPECT_EQ(decide(run, dead_letter(0, "")), Verdict::kTake);
  EXPECT_EQ(decide(run, dead_letter(1, "")), Verdict::kTake);
  EXPECT_EQ(decide(run, dead_letter(2, "", "2026-03-01T12:00:01.000Z")), Verdict::kLeave);
}

TEST(DeadLetterRun, TakesNoMoreThanItsMaximum) {
  auto run = run_of({}, 2);
  EXPECT_EQ(decide(run, dead_letter(0, "a")), Verdict::kTake);
  EXPECT_FALSE(run.is_cut_short());
  EXPECT_EQ(decide(run, dead_letter(1, "b")), Verdict::kTake);
  EXPECT_TRUE(run.is_cut_short());
  EXPECT_EQ(decide(run, dead_letter(2, "c")), Verdict::kLeave);
}

TEST(DeadLetterRun, LeavesNothingBeforeWhatItHasDealtWith) {
  auto run = run_of({}, 1);
  EXPECT_EQ(decide(run, dead_letter(7, "later")), Verdict::kTake);
  ASSERT_TRUE(run.is_cut_short());
  EXPECT_EQ(decide(run, dead_letter(5, "earlier")), Verdict::kPutBack);
  auto elsewhere = dead_letter(5, "elsewhere");
  elsewhere.partition = 1;
  EXPECT_EQ(decide(run, elsewhere), Verdict::kLeave);
}

TEST(DeadLetterRun, BeginsNothingOnceItWasCutShort) {
  auto run = run_of();
  run.cut_short();
  EXPECT_EQ(decide(run, dead_letter(0, "a")), Verdict::kLeave);
}

}  // namespace
}  // namespace fairlead::cli
