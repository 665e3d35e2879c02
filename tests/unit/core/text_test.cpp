#include "core/text.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace fairlead {
namespace {

TEST(Utf8, AcceptsWhatIsWellFormed) {
  for (std::string const text : {"", "plain", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf",
                                 "\xed\x9f\xbf", "\xee\x80\x80"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  EXPECT_TRUE(is_utf8(std::string(1, '\0')));
}

TEST(Utf8, RefusesWhatIsNot) {
  for (std::string const text :
       {"\x80", "\xc3", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "a\xe2\x82", "\xe2\x82z", "\xc3\xc3"}) {
    EXPECT_FALSE(is_utf8(text));
  }
}

TEST(Utf8, MeasuresTheFirstSequence) {
  EXPECT_EQ(utf8_sequence("a\xe2\x82\xac"), 1U);
  EXPECT_EQ(utf8_sequence("\xe2\x82\xac!"), 3U);
  EXPECT_EQ(utf8_sequence("\xe2\x82"), 0U);
  EXPECT_EQ(utf8_sequence(""), 0U);
}

TEST(Base64, AgreesWithRfc4648) {
  std::vector<std::pair<std::string, std::string>> const vectors{
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {std::string("\0\xff\xfe", 3), "AP/+"},
  };
  for (auto const& [bytes, text] : vectors) {
    EXPECT_EQ(base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes) << text;
  }
}

TEST(Base64, GivesEveryByteBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  for (std::size_t size = 250; size <= 256; ++size) {
    EXPECT_EQ(from_base64(base64(bytes.substr(0, size))), bytes.substr(0, size));
  }
}

TEST(Base64, RefusesWhatItDidNotWrite) {
  for (std::string const text : {"Zg=", "Zg", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm9 ", "Zm9*", "=m9v", "Zm=v"}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

TEST(NearestName, FindsASlipOfTheKeyboard) {
  std::array<std::string, 4> const names{"concurrency", "max_in_flight", "max_in_flight_bytes", "timeout"};
  EXPECT_EQ(nearest_name("concurency", names), "concurrency");
  EXPECT_EQ(nearest_name("max_inflight", names), "max_in_flight");
  EXPECT_EQ(nearest_name("timeuot", names), "timeout");
  EXPECT_EQ(did_you_mean("timeuot", names), " (did you mean 'timeout'?)");
}

TEST(NearestName, IsEmptyWhenNothingIsNear) {
  std::array<std::string, 2> const names{"concurrency", "timeout"};
  EXPECT_EQ(nearest_name("colour", names), "");
  EXPECT_EQ(did_you_mean("colour", names), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

}  // namespace
}  // namespace fairlead
