#include "cli/dlq_filter.hpp"

#include "consume/inbound.hpp"

#include <gtest/gtest.h>

namespace fairlead::cli {
namespace {

using namespace std::chrono_literals;

// 2026-03-01T12:00:00Z
constexpr std::chrono::system_clock::time_point kNow{std::chrono::seconds(1'772'366'400)};

Inbound dead_letter() {
  Inbound message;
  message.key = "ann";
  message.id = "id-1";
  message.timestamp_ms = 1'700'000'000'000;
  message.headers = {{"tenant", "blue"},
                     {"fairlead-error-code", "handler_failed"},
                     {"fairlead-failed-at", "2026-03-01T11:00:00.500Z"}};
  return message;
}

bool picks(DeadLetterChoice const& choice, Inbound const& message = dead_letter()) {
  return DeadLetterFilter::make(choice, kNow).value().matches(Delivery(message));
}

TEST(DeadLetterFilter, WithoutAChoicePicksEverything) { EXPECT_TRUE(picks({})); }

TEST(DeadLetterFilter, PicksByEachPropertyAlone) {
  DeadLetterChoice choice;
  choice.key = "ann";
  EXPECT_TRUE(picks(choice));
  choice.key = "an";
  EXPECT_FALSE(picks(choice));
  choice.key = "";
  EXPECT_FALSE(picks(choice)) << "an empty key is one of those without";
  choice = {};
  choice.id = "id-1";
  EXPECT_TRUE(picks(choice));
  choice.id = "id-2";
  EXPECT_FALSE(picks(choice));
  choice = {};
  choice.error_code = "handler_failed";
  EXPECT_TRUE(picks(choice));
  choice.error_code = "rejected";
  EXPECT_FALSE(picks(choice));
}

TEST(DeadLetterFilter, PicksByAllHeadersGiven) {
  DeadLetterChoice choice;
  choice.headers = {"tenant=blue"};
  EXPECT_TRUE(picks(choice));
  choice.headers = {"tenant=blue", "region=eu"};
  EXPECT_FALSE(picks(choice));
  choice.headers = {"tenant=blue=green"};
  EXPECT_FALSE(picks(choice));
}

TEST(DeadLetterFilter, CountsAgesFromTheFailureToTheStart) {
  DeadLetterChoice choice;
  choice.older_than = "59m";
  EXPECT_TRUE(picks(choice));
  choice.older_than = "1h";
  EXPECT_FALSE(picks(choice)) << "it failed half a second later";
  choice = {};
  choice.newer_than = "1h";
  EXPECT_TRUE(picks(choice));
  choice.newer_than = "59m";
  EXPECT_FALSE(picks(choice));
}

TEST(DeadLetterFilter, WithoutATimeOfFailureTakesThatOfThePublish) {
  for (auto const* const noted : {"", "yesterday", "2026-03-01T11:00:00.500Z and more"}) {
    auto message = dead_letter();
    message.headers.back().value = noted;
    EXPECT_EQ(failed_at(Delivery(message)), std::chrono::system_clock::time_point(1'700'000'000s)) << noted;
  }
  EXPECT_EQ(failed_at(Delivery(dead_letter())), kNow - 1h + 500ms);
}

TEST(DeadLetterFilter, NamesTheOptionThatIsWrong) {
  DeadLetterChoice choice;
  choice.older_than = "5";
  EXPECT_NE(DeadLetterFilter::make(choice, kNow).error().message.find("--older-than"), std::string::npos);
  choice = {};
  choice.headers = {"=x"};
  EXPECT_NE(DeadLetterFilter::make(choice, kNow).error().message.find("--header"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::cli
