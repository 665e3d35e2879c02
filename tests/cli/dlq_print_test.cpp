#include "cli/dlq_print.hpp"

#include "consume/inbound.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace fairlead::cli {
namespace {

Inbound dead_letter() {
  Inbound message;
  message.key = "ann";
  message.id = "0198c6a2-7f3e-7000-8000-000000000001";
  message.payload = "line 1\nline 2";
  message.headers = {{"tenant", "blue"},
                     {"fairlead-attempts", "5"},
                     {"fairlead-error-code", "rejected"},
                     {"fairlead-error", "card declined"},
                     {"fairlead-failed-at", "2026-03-01T11:00:00.500Z"}};
  return message;
}

std::string row(Inbound const& message) { return dead_letter_row(Delivery(message)); }

TEST(DeadLetterRow, HasItsColumnsUnderTheHeading) {
  EXPECT_EQ(dead_letter_heading(),
            "FAILED AT             ATTEMPTS  CODE              KEY                   ID"
            "                                    ERROR\n");
  EXPECT_EQ(row(dead_letter()),
            "2026-03-01T11:00:00Z  5         rejected          ann                   "
            "0198c6a2-7f3e-7000-8000-000000000001  card declined\n");
}

TEST(DeadLetterRow, ShowsADashForWhatIsMissing) {
  Inbound const empty;
  EXPECT_EQ(row(empty),
            "1970-01-01T00:00:00Z  -         -                 -                     -"
            "                                     -\n");
}

TEST(DeadLetterRow, IsOneLineHoweverLongAndStrangeItsPartsAre) {
  auto message = dead_letter();
  message.key = "\x1b[2J\n\xff";
  std::string const error(10'000, 'e');
  message.headers[3].value = error;
  auto const text = row(message);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_NE(text.find("\\x1b[2J\\x0a\\xff"), std::string::npos) << text;
  EXPECT_LT(text.size(), 200U);
  EXPECT_TRUE(text.ends_with("eee...\n"));
}

TEST(DeadLetterRow, CutsBetweenCharacters) {
  auto message = dead_letter();
  message.key = "äöüäöüäöüäöüäöüäöüäöü";  // 21 of them
  EXPECT_NE(row(message).find("  äöüäöüäöüäöüäöüäö...  0198"), std::string::npos) << row(message);
}

TEST(DeadLetterDetails, NameEveryHeaderAndEndWithThePayload) {
  auto const text = dead_letter_details(Delivery(dead_letter()));
  EXPECT_NE(text.find("\nheader tenant: blue\n"), std::string::npos);
  EXPECT_NE(text.find("\nheader fairlead-error: card declined\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\npayload: 13 bytes\nline 1\\x0aline 2\n")) << text;
}

}  // namespace
}  // namespace fairlead::cli
