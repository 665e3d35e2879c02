#include "consume/envelope.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

class EnvelopeHeaders : public testing::Test {
 protected:
  void SetUp() override {
    message.destination = "orders";
    message.group = "billing";
    message.partition = 3;
    message.position = 1234;
    message.attempt = 5;
    message.last_error = "database down";
    message.last_code = Errc::kTimeout;
  }
  Inbound message;
  std::chrono::system_clock::time_point const failed_at{1'700'000'000'007ms};
};

TEST_F(EnvelopeHeaders, SayWhereTheMessageWasAndWhyItWasGivenUp) {
  auto const headers = envelope_headers(message, failed_at);
  EXPECT_EQ(headers.get("fairlead-original-destination"), "orders");
  EXPECT_EQ(headers.get("fairlead-original-partition"), "3");
  EXPECT_EQ(headers.get("fairlead-original-position"), "1234");
  EXPECT_EQ(headers.get("fairlead-group"), "billing");
  EXPECT_EQ(headers.get("fairlead-attempts"), "5");
  EXPECT_EQ(headers.get("fairlead-error"), "database down");
  EXPECT_EQ(headers.get("fairlead-error-code"), "timeout");
  EXPECT_EQ(headers.get("fairlead-first-failed-at"), "2023-11-14T22:13:20.007Z");
  EXPECT_EQ(headers.get("fairlead-failed-at"), "2023-11-14T22:13:20.007Z");
}

TEST_F(EnvelopeHeaders, KeepTheUsersHeaders) {
  message.take_header("colour", "blue");
  auto const headers = envelope_headers(message, failed_at);
  EXPECT_EQ(headers.get("colour"), "blue");
  EXPECT_EQ(headers.size(), 10U);
}

TEST_F(EnvelopeHeaders, OfARetryStillTellOfTheFirstFailure) {
  auto const first = envelope_headers(message, failed_at);
  Inbound again;
  again.destination = "orders";
  again.group = "billing";
  again.partition = 0;
  again.position = 7;
  again.take_header("colour", "blue");
  for (auto const& header : first) again.take_header(header.name, header.value);
  ASSERT_TRUE(again.has_envelope);

  open_envelope(again);
  EXPECT_EQ(again.attempt, 6U);
  ASSERT_EQ(again.headers.size(), 1U) << "its handler sees the message's own headers";
  EXPECT_EQ(again.headers[0].name, "colour");

  auto const second = envelope_headers(again, failed_at + 1s);
  EXPECT_EQ(second.get("fairlead-original-partition"), "3");
  EXPECT_EQ(second.get("fairlead-original-position"), "1234");
  EXPECT_EQ(second.get("fairlead-first-failed-at"), "2023-11-14T22:13:20.007Z");
  EXPECT_EQ(second.get("fairlead-failed-at"), "2023-11-14T22:13:21.007Z");
  EXPECT_EQ(second.get("fairlead-attempts"), "6");
}

TEST_F(EnvelopeHeaders, OfAnotherGroupAndWithoutANumberAreNotBelieved) {
  for (auto const& [group, attempts] : {std::pair{"shipping", "4"}, std::pair{"billing", "4x"},
                                        std::pair{"billing", "-4"}, std::pair{"billing", "99999999"}}) {
    Inbound forged;
    forged.group = "billing";
    forged.take_header("fairlead-group", group);
    forged.take_header("fairlead-attempts", attempts);
    open_envelope(forged);
    EXPECT_EQ(forged.attempt, 1U) << group << " " << attempts;
    EXPECT_TRUE(forged.headers.empty());
  }
}

TEST_F(EnvelopeHeaders, CutAVeryLongErrorAtACharacter) {
  message.last_error = "x";
  for (int i = 0; i < 5000; ++i) message.last_error += "\xc3\xa9";
  auto const headers = envelope_headers(message, failed_at);
  auto const error = headers.get("fairlead-error");
  ASSERT_TRUE(error);
  EXPECT_LE(error->size(), 1024U);
  EXPECT_EQ(static_cast<unsigned char>(error->back()), 0xa9U);
}

}  // namespace
}  // namespace fairlead
