#include <fairlead/message.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> names(Headers const& headers) {
  std::vector<std::string> found;
  for (auto const& header : headers) found.push_back(header.name);
  return found;
}

TEST(Headers, KeepOneValueForEachNameInTheOrderTheyWereSet) {
  Headers headers{{"b", "1"}, {"a", "2"}, {"b", "3"}};
  headers.set("c", "4");
  headers.set("a", "5");
  EXPECT_EQ(names(headers), (std::vector<std::string>{"b", "a", "c"}));
  EXPECT_EQ(headers.get("b"), "3");
  EXPECT_EQ(headers.get("a"), "5");
  EXPECT_EQ(headers.size(), 3U);
}

TEST(Headers, TellAMissingHeaderFromAnEmptyOne) {
  Headers headers{{"empty", ""}};
  EXPECT_EQ(headers.get("empty"), "");
  EXPECT_EQ(headers.get("missing"), std::nullopt);
  headers.erase("missing");
  headers.erase("empty");
  EXPECT_TRUE(headers.empty());
}

TEST(Headers, KeepAnyBytes) {
  std::string const bytes("\0\xff\n", 3);
  Headers headers;
  headers.set("bytes", bytes);
  EXPECT_EQ(headers.get("bytes"), bytes);
}

TEST(Message, GivesAllItsAttributesAsPublishOptions) {
  Message const message{"payload", "key", {{"h", "v"}}, "id", "effect", "route", "text/plain", 5s, std::uint8_t{7}};
  auto const options = message.options();
  EXPECT_EQ(options.key, "key");
  EXPECT_EQ(options.headers, (Headers{{"h", "v"}}));
  EXPECT_EQ(options.id, "id");
  EXPECT_EQ(options.idempotency_key, "effect");
  EXPECT_EQ(options.routing_key, "route");
  EXPECT_EQ(options.content_type, "text/plain");
  EXPECT_EQ(options.time_to_live, 5s);
  EXPECT_EQ(options.priority, 7);
}

}  // namespace
}  // namespace fairlead
