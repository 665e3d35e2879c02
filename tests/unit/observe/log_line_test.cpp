#include "observe/log_line.hpp"

#include "core/text.hpp"
#include "observe/logging.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace fairlead {
namespace {

using nlohmann::json;
using std::chrono::system_clock;

system_clock::time_point at(std::int64_t ns) {
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(std::chrono::nanoseconds(ns)));
}

std::string json_line(LogRecord const& record) {
  std::string line;
  append_json_line(line, record, at(1'700'000'000'012'345'678), "billing");
  return line;
}

std::string escaped(std::string_view value) {
  std::string out;
  append_escaped(out, value);
  return out;
}

TEST(JsonLine, HasTheNamesOfTheOpenTelemetryLogModelInAFixedOrder) {
  std::vector<LogField> const fields{{"destination", "orders"},
                                     {"trace_id", "0af7651916cd43dd8448eb211c80319c"},
                                     {"attempt", std::int64_t{2}},
                                     {"duration_ms", 1.5},
                                     {"last", true}};
  EXPECT_EQ(json_line({LogLevel::kWarn, "handle", "failed", fields}),
            R"({"timestamp":"2023-11-14T22:13:20.012345678Z","severity_text":"WARN","severity_number":13,)"
            R"("body":"failed","trace_id":"0af7651916cd43dd8448eb211c80319c","service.name":"billing",)"
            R"("logger":"handle","destination":"orders","attempt":2,"duration_ms":1.5,"last":true})");
}

TEST(JsonLine, SeveritiesHaveTheirOpenTelemetryNumbers) {
  std::vector<std::pair<LogLevel, int>> const numbers{{LogLevel::kTrace, 1},
                                                      {LogLevel::kDebug, 5},
                                                      {LogLevel::kInfo, 9},
                                                      {LogLevel::kWarn, 13},
                                                      {LogLevel::kError, 17}};
  for (auto const& [level, number] : numbers) {
    EXPECT_EQ(json::parse(json_line({level, "kafka", "x", {}}))["severity_number"], number);
  }
}

TEST(JsonLine, HostileNamesAndValuesStayInsideTheirStrings) {
  std::vector<LogField> const fields{{"na\"me\n", "\",\"severity_text\":\"ERROR"}};
  auto const line = json_line({LogLevel::kInfo, "kafka", "one\ntwo\x1b[2J\"", fields});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  auto const object = json::parse(line);
  EXPECT_EQ(object["severity_text"], "INFO");
  EXPECT_EQ(object["body"], "one\ntwo\x1b[2J\"");
  EXPECT_EQ(object["na\"me\n"], "\",\"severity_text\":\"ERROR");
}

TEST(JsonLine, ParsesWhateverTheBytesAre) {
  std::mt19937 random(7);
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes(random() % 1'500, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? 0xe2 : random() % 256);
    std::vector<LogField> const fields{{"key", bytes}};
    auto const line = json_line({LogLevel::kInfo, "handle", bytes, fields});
    ASSERT_TRUE(json::accept(line)) << line;
    ASSERT_EQ(line.find_first_of("\r\n\x1b"), std::string::npos);
  }
}

TEST(JsonLine, NumbersThatJsonDoesNotKnowAreNull) {
  std::vector<LogField> const fields{{"duration_ms", std::numeric_limits<double>::quiet_NaN()}};
  EXPECT_TRUE(json::parse(json_line({LogLevel::kInfo, "handle", "x", fields}))["duration_ms"].is_null());
}

TEST(JsonLine, LongValuesAreCutBetweenCharacters) {
  std::string value(kMaxLogValueBytes - 1, 'a');
  value += "\xc3\xa9 and more";  // the two bytes of the first character lie across the limit
  auto const out = escaped(value);
  EXPECT_EQ(out, std::string(kMaxLogValueBytes - 1, 'a') + "...");
}

TEST(JsonLine, ValuesOfTheLimitAreKept) {
  std::string const value(kMaxLogValueBytes, 'a');
  EXPECT_EQ(escaped(value), value);
}

TEST(Escape, ControlCharactersSeparatorsAndDirectionMarksBecomeVisible) {
  EXPECT_EQ(escaped("a\r\n\t\x01\x7f"), R"(a\r\n\t\u0001\u007f)");
  EXPECT_EQ(escaped("\xe2\x80\xa8\xe2\x80\xa9"), R"(\u2028\u2029)");
  EXPECT_EQ(escaped("\xc2\x9b"
                    "31m"),
            R"(\u009b31m)");  // the one-character form of ESC [
  EXPECT_EQ(escaped("\xe2\x80\xae"), R"(\u202e)");
  EXPECT_EQ(escaped(std::string_view("\0", 1)), R"(\u0000)");
}

TEST(Escape, OrdinaryTextOfAnyLanguageStaysAsItIs) {
  std::string const text = "Grüße, 世界 🙂";
  EXPECT_EQ(escaped(text), text);
}

TEST(Escape, InvalidUtf8IsReplaced) {
  EXPECT_EQ(escaped("a\xff\xfe z"), "a\xef\xbf\xbd\xef\xbf\xbd z");
  EXPECT_TRUE(is_utf8(escaped("\xed\xa0\x80\xc0\xaf")));
}

TEST(ConsoleLine, QuotesOnlyWhatNeedsIt) {
  std::vector<LogField> const fields{
      {"destination", "orders"}, {"error", "not \"there\""}, {"attempt", std::int64_t{1}}};
  std::string line;
  append_console_line(line, {LogLevel::kInfo, "connection", "lost", fields}, at(1'700'000'000'012'345'678));
  EXPECT_EQ(line,
            R"(2023-11-14T22:13:20.012Z INFO  connection: lost destination=orders error="not \"there\"" attempt=1)");
}

TEST(ConsoleLine, APayloadCannotForgeAnotherLine) {
  std::vector<LogField> const fields{{"key", "k\n2023-11-14T22:13:20.012Z ERROR forged: line"}};
  std::string line;
  append_console_line(line, {LogLevel::kInfo, "handle", "x", fields}, at(0));
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(HostileText, NeverBreaksALineOfEitherFormat) {
  // What ends a line somewhere, moves a cursor or turns text around; with what could end a string, and broken UTF-8.
  static constexpr std::string_view kHostile[] = {"\r",
                                                  "\n",
                                                  "\x1b[2J",
                                                  "\xe2\x80\xa8",
                                                  "\xe2\x80\xa9",
                                                  "\xc2\x85",
                                                  "\xe2\x80\xae",
                                                  "\xe2\x81\xa6",
                                                  "\x0b",
                                                  "\x0c",
                                                  "\x7f",
                                                  "\xc2\x9b"
                                                  "31m"};
  static constexpr std::string_view kOther[] = {"a",    "\"",   "\\",   "=", " ",       "\xe2",
                                                "\x80", "\xc2", "\xff", "{", "\xc3\xa9"};
  std::mt19937 random(11);
  auto const text = [&] {
    std::string made;
    for (auto left = random() % 12; left > 0; --left) {
      made += random() % 2 == 0 ? kHostile[random() % std::size(kHostile)] : kOther[random() % std::size(kOther)];
    }
    return made;
  };
  for (int round = 0; round < 20'000; ++round) {
    auto const body = text(), name = text(), value = text(), logger = text(), service = text();
    std::vector<LogField> const fields{{name, value}, {"key", value}, {"error", body}};
    LogRecord const record{LogLevel::kInfo, logger, body, fields};
    std::string structured;
    append_json_line(structured, record, at(0), service);
    std::string console;
    append_console_line(console, record, at(0));
    ASSERT_TRUE(json::accept(structured)) << structured;
    for (auto const& line : {structured, console}) {
      for (auto const sequence : kHostile) {
        ASSERT_EQ(line.find(sequence), std::string::npos) << "round " << round << ": " << line;
      }
    }
  }
}

TEST(LogFields, LeaveOutEmptyTexts) {
  LogFields fields;
  fields.add("key", "").add("destination", "orders").add("attempt", std::int64_t{1});
  ASSERT_EQ(fields.view().size(), 2U);
  EXPECT_EQ(fields.view()[0].name, "destination");
}

TEST(LogFields, GiveDurationsInMilliseconds) {
  LogFields fields;
  fields.add(log_field::kDuration, std::chrono::microseconds(1'500));
  EXPECT_EQ(std::get<double>(fields.view()[0].value), 1.5);
}

TEST(LogFields, NameTheErrorAndItsType) {
  Error const error{Errc::kTimeout, "too late"};
  LogFields fields;
  fields.add(error);
  ASSERT_EQ(fields.view().size(), 2U);
  EXPECT_EQ(std::get<std::string_view>(fields.view()[0].value), to_string(Errc::kTimeout));
  EXPECT_EQ(std::get<std::string_view>(fields.view()[1].value), "too late");
}

}  // namespace
}  // namespace fairlead
