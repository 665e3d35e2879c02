#include "consume/dead_letter.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

class DeadLetterHeaders : public testing::Test {
 protected:
  void SetUp() override {
    message.destination = "orders";
    message.group = "billing";
    message.partition = 3;
    message.position = 1234;
    message.attempt = 5;
    message.last_error = "database down";
  }
  Inbound message;
  std::chrono::system_clock::time_point const failed_at{1'700'000'000'007ms};
};

TEST_F(DeadLetterHeaders, SayWhereTheMessageWasAndWhyItWasGivenUp) {
  auto const headers = dead_letter_headers(message, failed_at);
  EXPECT_EQ(headers.get("fairlead-original-destination"), "orders");
  EXPECT_EQ(headers.get("fairlead-original-partition"), "3");
  EXPECT_EQ(headers.get("fairlead-original-position"), "1234");
  EXPECT_EQ(headers.get("fairlead-group"), "billing");
  EXPECT_EQ(headers.get("fairlead-attempts"), "5");
  EXPECT_EQ(headers.get("fairlead-error"), "database down");
  EXPECT_EQ(headers.get("fairlead-failed-at"), "2023-11-14T22:13:20.007Z");
}

TEST_F(DeadLetterHeaders, KeepTheUsersHeaders) {
  message.take_header("colour", "blue");
  message.take_header("fairlead-group", "an earlier one");
  auto const headers = dead_letter_headers(message, failed_at);
  EXPECT_EQ(headers.get("colour"), "blue");
  EXPECT_EQ(headers.get("fairlead-group"), "billing");
  EXPECT_EQ(headers.size(), 8U);
}

TEST_F(DeadLetterHeaders, CutAVeryLongErrorAtACharacter) {
  message.last_error = "x";
  for (int i = 0; i < 5000; ++i) message.last_error += "\xc3\xa9";
  auto const headers = dead_letter_headers(message, failed_at);
  auto const error = headers.get("fairlead-error");
  ASSERT_TRUE(error);
  EXPECT_LE(error->size(), 1024U);
  EXPECT_EQ(static_cast<unsigned char>(error->back()), 0xa9U);
}

}  // namespace
}  // namespace fairlead
