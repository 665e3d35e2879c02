#include "amqp/amqp_error.hpp"

#include "amqp/codec.hpp"

#include <gtest/gtest.h>

namespace fairlead::amqp {
namespace {

struct Row {
  int code;
  Errc errc;
  bool retryable;
};

class ReplyCodes : public testing::TestWithParam<Row> {};

TEST_P(ReplyCodes, HaveAnErrc) {
  auto const error = reply_error(GetParam().code, "TEXT - details", "declare queue 'q'");
  EXPECT_EQ(error.code, GetParam().errc);
  EXPECT_EQ(error.retryable, GetParam().retryable);
  EXPECT_EQ(error.native_code, GetParam().code);
  EXPECT_NE(error.message.find("declare queue 'q'"), std::string::npos);
  EXPECT_NE(error.message.find("TEXT - details"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReplyCodes,
    testing::Values(
        Row{AMQP_CONTENT_TOO_LARGE, Errc::kTooLarge, false}, Row{AMQP_NO_ROUTE, Errc::kUnroutable, false},
        Row{AMQP_NO_CONSUMERS, Errc::kUnroutable, false}, Row{AMQP_ACCESS_REFUSED, Errc::kAccessDenied, false},
        Row{AMQP_NOT_FOUND, Errc::kUnknownDestination, false}, Row{AMQP_RESOURCE_LOCKED, Errc::kAccessDenied, true},
        Row{AMQP_PRECONDITION_FAILED, Errc::kPreconditionFailed, false},
        Row{AMQP_CONNECTION_FORCED, Errc::kConnectionLost, true}, Row{AMQP_INVALID_PATH, Errc::kInvalidConfig, false},
        Row{AMQP_FRAME_ERROR, Errc::kProtocol, true}, Row{AMQP_SYNTAX_ERROR, Errc::kProtocol, true},
        Row{AMQP_COMMAND_INVALID, Errc::kProtocol, true}, Row{AMQP_CHANNEL_ERROR, Errc::kProtocol, true},
        Row{AMQP_UNEXPECTED_FRAME, Errc::kProtocol, true}, Row{AMQP_RESOURCE_ERROR, Errc::kRefused, true},
        Row{AMQP_NOT_ALLOWED, Errc::kAccessDenied, false}, Row{AMQP_NOT_IMPLEMENTED, Errc::kUnsupported, false},
        Row{AMQP_INTERNAL_ERROR, Errc::kRefused, true}, Row{999, Errc::kProtocol, true}),
    [](auto const& row) { return "Code" + std::to_string(row.param.code); });

TEST(ReplyError, NamesTheSettingBehindADifferingArgument) {
  auto const message_for = [](std::string_view argument) {
    return reply_error(AMQP_PRECONDITION_FAILED,
                       "PRECONDITION_FAILED - inequivalent arg '" + std::string(argument) + "' for queue 'q'",
                       "declare queue 'q'")
        .message;
  };
  EXPECT_NE(message_for("x-queue-type").find("`amqp.queue_type`"), std::string::npos);
  EXPECT_NE(message_for("x-single-active-consumer").find("`ordering`"), std::string::npos);
  EXPECT_NE(message_for("type").find("`amqp.type`"), std::string::npos);
  EXPECT_NE(message_for("x-max-length").find("`amqp.queue_arguments`"), std::string::npos);
}

TEST(ReplyError, AnOversizedMessageIsTooLargeAndAnAckTimeoutIsWorthARetry) {
  EXPECT_EQ(reply_error(AMQP_PRECONDITION_FAILED, "message size 200 is larger than max size 100", "publish").code,
            Errc::kTooLarge);
  EXPECT_TRUE(reply_error(AMQP_PRECONDITION_FAILED, "delivery acknowledgement on channel 1 timed out", "x").retryable);
}

}  // namespace
}  // namespace fairlead::amqp
