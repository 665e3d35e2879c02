#include "publish/message_limits.hpp"

#include "core/wire_names.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLimit = 1'000'000;

Errc refused(PublishOptions const& options, std::string_view payload = "p") {
  auto const checked = check_message(payload, options, kLimit);
  EXPECT_FALSE(checked);
  return checked ? Errc::kInternal : checked.error().code;
}

bool accepted(PublishOptions const& options) { return check_message("p", options, kLimit).has_value(); }

PublishOptions with_header(std::string const& name, std::string const& value = "v") {
  PublishOptions options;
  options.headers.set(name, value);
  return options;
}

TEST(MessageLimits, EmptyMessageIsFine) { EXPECT_EQ(check_message("", {}, kLimit).value(), 0U); }

TEST(MessageLimits, SizeCountsPayloadKeyAndHeaders) {
  PublishOptions options = with_header("name", "value");
  options.key = "key";
  EXPECT_EQ(check_message("payload", options, kLimit).value(), 7U + 3U + 4U + 5U);
}

TEST(MessageLimits, MessageOverMaxMessageBytesIsRefusedByName) {
  EXPECT_TRUE(check_message(std::string(10, 'x'), {}, 10));
  auto const refused_size = check_message(std::string(11, 'x'), {}, 10);
  ASSERT_FALSE(refused_size);
  EXPECT_EQ(refused_size.error().code, Errc::kTooLarge);
  EXPECT_NE(refused_size.error().message.find("publish.max_message_bytes"), std::string::npos);
  EXPECT_FALSE(refused_size.error().maybe_applied);
}

TEST(MessageLimits, HeaderNamesArePrintableAsciiWithoutSpaces) {
  EXPECT_TRUE(accepted(with_header("x-tenant")));
  EXPECT_TRUE(accepted(with_header(std::string(kMaxHeaderName, 'n'))));
  EXPECT_EQ(refused(with_header(std::string(kMaxHeaderName + 1, 'n'))), Errc::kInvalidArgument);
  EXPECT_EQ(refused(with_header("")), Errc::kInvalidArgument);
  EXPECT_EQ(refused(with_header("two words")), Errc::kInvalidArgument);
  EXPECT_EQ(refused(with_header("line\n")), Errc::kInvalidArgument);
  EXPECT_EQ(refused(with_header("\x7f")), Errc::kInvalidArgument);
  EXPECT_EQ(refused(with_header("caf\xc3\xa9")), Errc::kInvalidArgument);
  EXPECT_EQ(refused(with_header(std::string("nul\0", 4))), Errc::kInvalidArgument);
}

TEST(MessageLimits, ReservedHeaderNamesAreRefused) {
  for (auto const name : {wire::kMessageId, wire::kContentType, wire::kMessageKey, wire::kRoutingKey,
                          wire::kIdempotencyKey, wire::kTraceparent, wire::kExpiresAt}) {
    EXPECT_EQ(refused(with_header(std::string(name))), Errc::kInvalidArgument) << name;
  }
}

TEST(MessageLimits, HeadersAreBoundedInNumberAndSize) {
  EXPECT_TRUE(accepted(with_header("h", std::string(kMaxHeaderValue, 'v'))));
  EXPECT_EQ(refused(with_header("h", std::string(kMaxHeaderValue + 1, 'v'))), Errc::kTooLarge);
  PublishOptions options;
  for (std::size_t i = 0; i < kMaxHeaders; ++i) options.headers.set("h" + std::to_string(i), "v");
  EXPECT_TRUE(accepted(options));
  options.headers.set("one-more", "v");
  EXPECT_EQ(refused(options), Errc::kTooLarge);
}

TEST(MessageLimits, HeaderValuesMayBeAnyBytes) { EXPECT_TRUE(accepted(with_header("h", std::string("\0\xff\n", 3)))); }

TEST(MessageLimits, TextsAreBounded) {
  std::string const long_text(kMaxKey + 1, 'x');
  auto const first = [&](std::size_t size) { return std::string_view(long_text).substr(0, size); };
  PublishOptions options;
  options.key = first(kMaxKey);
  options.id = first(kMaxShortString);
  options.content_type = first(kMaxShortString);
  options.routing_key = first(kMaxRoutingKey);
  EXPECT_TRUE(accepted(options));
  PublishOptions const good = options;
  options.key = first(kMaxKey + 1);
  EXPECT_EQ(refused(options), Errc::kTooLarge);
  options = good;
  options.id = first(kMaxShortString + 1);
  EXPECT_EQ(refused(options), Errc::kTooLarge);
  options = good;
  options.content_type = first(kMaxShortString + 1);
  EXPECT_EQ(refused(options), Errc::kTooLarge);
  options = good;
  options.routing_key = first(kMaxRoutingKey + 1);
  EXPECT_EQ(refused(options), Errc::kTooLarge);
}

TEST(MessageLimits, NumbersAreChecked) {
  PublishOptions options;
  options.priority = 9;
  options.time_to_live = 1ms;
  options.deadline = 1ms;
  EXPECT_TRUE(accepted(options));
  options.priority = 10;
  EXPECT_EQ(refused(options), Errc::kInvalidArgument);
  options = {};
  options.time_to_live = 0ms;
  EXPECT_EQ(refused(options), Errc::kInvalidArgument);
  options.time_to_live = std::chrono::milliseconds::max();
  EXPECT_EQ(refused(options), Errc::kInvalidArgument);
  options = {};
  options.deadline = 0ms;
  EXPECT_EQ(refused(options), Errc::kInvalidArgument);
  options.deadline = std::chrono::milliseconds::max();
  EXPECT_TRUE(accepted(options));
}

}  // namespace
}  // namespace fairlead
