#include "config/values.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

template <class T>
T parsed(std::string_view text) {
  T value{};
  auto const complaint = parse_value(text, value);
  EXPECT_FALSE(complaint) << text << ": " << complaint.value_or("");
  return value;
}

template <class T>
std::string complaint(std::string_view text) {
  T value{};
  return parse_value(text, value).value_or("none");
}

TEST(Duration, HasAUnit) {
  using std::chrono::milliseconds;
  std::vector<std::pair<std::string, milliseconds>> const cases{{"200ms", 200ms}, {"30s", 30s},    {"5m", 5min},
                                                                {"2h", 2h},       {"7d", 7 * 24h}, {"0ms", 0ms}};
  for (auto const& [text, value] : cases) EXPECT_EQ(parsed<milliseconds>(text), value) << text;
  for (auto const* text : {"5", "", "s", "5 s", "5S", "5sec", "-5s", "1.5s", "5s ", " 5s", "99999999999999999999s",
                           "9223372036854775807s", "0x5s"}) {
    EXPECT_EQ(complaint<milliseconds>(text), "a time with its unit such as 200ms, 30s, 5m, 2h or 7d") << text;
  }
}

TEST(Duration, InSecondsRefusesPartsOfASecond) {
  EXPECT_EQ(parsed<std::chrono::seconds>("2m"), 120s);
  EXPECT_EQ(complaint<std::chrono::seconds>("1500ms"), "a whole number of seconds");
}

TEST(Rate, IsANumberPerTime) {
  Rate rate;
  EXPECT_EQ(parse_value("500/s", rate), std::nullopt);
  EXPECT_EQ(rate.per_second, 500);
  EXPECT_EQ(parse_value("30/m", rate), std::nullopt);
  EXPECT_EQ(rate.per_second, 0.5);
  EXPECT_EQ(parse_value("9/h", rate), std::nullopt);
  EXPECT_EQ(rate.per_second, 0.0025);
  for (char const* const wrong : {"500", "-1/s", "500/", "/s", "nan/s", "inf/s", "5/parsec", "1/s/s", ""}) {
    EXPECT_NE(parse_value(wrong, rate), std::nullopt) << wrong;
  }
  EXPECT_EQ(rate.per_second, 0.0025) << "a wrong text leaves the value alone";
  for (char const* const text : {"500/s", "30/m", "9/h", "0.5/h"}) {
    ASSERT_EQ(parse_value(text, rate), std::nullopt);
    EXPECT_EQ(format_value(rate), text);
  }
}

TEST(Size, HasABinaryADecimalOrNoUnit) {
  std::vector<std::pair<std::string, std::size_t>> const cases{
      {"1000000", 1'000'000},          {"32MiB", 32U << 20U}, {"1MB", 1'000'000},
      {"512KiB", 512U << 10U},         {"5kB", 5'000},        {"7B", 7},
      {"1GiB", std::size_t{1} << 30U}, {"2GB", 2'000'000'000}};
  for (auto const& [text, value] : cases) EXPECT_EQ(parsed<std::size_t>(text), value) << text;
  for (auto const* text : {"", "MiB", "32mib", "32M", "-1", "1.5MiB", "32 MiB", "99999999999999999999", "1e6"}) {
    EXPECT_EQ(complaint<std::size_t>(text), "a size such as 512KiB, 32MiB or 1000000") << text;
  }
}

TEST(Number, IsWholeAndFits) {
  EXPECT_EQ(parsed<int>("-1"), -1);
  for (auto const* text : {"", "6.0", "six", "6x", " 6", "2147483648"}) {
    EXPECT_EQ(complaint<int>(text), "a whole number") << text;
  }
  EXPECT_EQ(parsed<double>("1.5"), 1.5);
  EXPECT_EQ(complaint<double>("1,5"), "a number");
}

TEST(Switch, IsTrueOrFalse) {
  EXPECT_TRUE(parsed<bool>("true"));
  EXPECT_FALSE(parsed<bool>("false"));
  for (auto const* text : {"yes", "no", "1", "True", ""}) EXPECT_EQ(complaint<bool>(text), "true or false") << text;
}

TEST(NamedValue, ListsTheNamesAndTheNearest) {
  EXPECT_EQ(parsed<Ordering>("partition"), Ordering::kPartition);
  EXPECT_EQ(complaint<Ordering>("keys"), "one of none, key, partition (did you mean 'key'?)");
  EXPECT_EQ(complaint<StartFrom>("beginning"), "one of earliest, latest");
}

template <class T>
void expect_round_trip(std::vector<T> const& values) {
  for (auto const& value : values) EXPECT_EQ(parsed<T>(format_value(value)), value) << format_value(value);
}

TEST(FormattedValue, ParsesBack) {
  using std::chrono::milliseconds;
  expect_round_trip<milliseconds>({0ms, 1ms, 1500ms, 30s, 24h});
  expect_round_trip<std::chrono::seconds>({1s, 90s});
  expect_round_trip<std::size_t>({0, 1, 1000, 1024, 1'000'000, std::size_t{32} << 20U, std::size_t{5} << 30U});
  expect_round_trip<double>({1.0, 1.5, 2.25, 100.0});
  expect_round_trip<int>({-1, 0, 1024});
  expect_round_trip<bool>({true, false});
  expect_round_trip<Ordering>({Ordering::kNone, Ordering::kKey, Ordering::kPartition});
  expect_round_trip<StartFrom>({StartFrom::kEarliest, StartFrom::kLatest});
  expect_round_trip<ExchangeType>(
      {ExchangeType::kTopic, ExchangeType::kDirect, ExchangeType::kFanout, ExchangeType::kHeaders});
  expect_round_trip<QueueType>({QueueType::kQuorum, QueueType::kClassic, QueueType::kStream});
  expect_round_trip<Compression>(
      {Compression::kNone, Compression::kSnappy, Compression::kLz4, Compression::kZstd, Compression::kGzip});
  expect_round_trip<LogLevel>(
      {LogLevel::kTrace, LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError, LogLevel::kOff});
  expect_round_trip<LogFormat>({LogFormat::kJson, LogFormat::kConsole});
}

}  // namespace
}  // namespace fairlead
