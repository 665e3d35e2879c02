#include "config/describe.hpp"

#include "environment.hpp"

#include <fairlead/config.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace fairlead {
namespace {

/// A file for the time of a test.
class File {
 public:
  explicit File(std::string const& text)
      : path_(std::filesystem::temp_directory_path() / ("describe_test." + std::to_string(getpid()) + ".yaml")) {
    std::ofstream(path_) << text;
  }
  ~File() { std::filesystem::remove(path_); }
  File(File const&) = delete;
  File& operator=(File const&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::string describe(std::string const& text) {
  File const file(text);
  auto const described = describe_config(file.path());
  return described ? *described : described.error().message;
}

/// The first line that begins with `text` once its indentation is gone.
std::string line_of(std::string const& text, std::string const& begin) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const end = std::min(text.find('\n', at), text.size());
    std::size_t const first = text.find_first_not_of(' ', at);
    if (text.compare(first, begin.size(), begin) == 0) return text.substr(first, end - first);
    at = end + 1;
  }
  return "no line begins with " + begin;
}

bool is_said(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

TEST(Description, SaysWhereEachValueCameFrom) {
  Environment const environment{{"TEST_SERVICE", "shop"}, {"FAIRLEAD_PUBLISH__DEADLINE", "5s"}};
  auto const text = describe("broker: memory://demo\nservice: ${TEST_SERVICE}\npublish:\n  window_bytes: 1MiB\n");
  EXPECT_TRUE(line_of(text, "broker: memory://demo").ends_with(".yaml:1")) << text;
  EXPECT_TRUE(line_of(text, "service: shop").ends_with(".yaml:2 (TEST_SERVICE)")) << text;
  EXPECT_TRUE(line_of(text, "deadline: 5s").ends_with("# FAIRLEAD_PUBLISH__DEADLINE")) << text;
  EXPECT_TRUE(line_of(text, "window_bytes: 1MiB").ends_with(".yaml:4")) << text;
  EXPECT_TRUE(line_of(text, "window_messages: 0").ends_with("# default")) << text;
}

TEST(Description, IsAConfigurationThatMeansTheSame) {
  auto const first = describe_config(std::string(FAIRLEAD_TEST_DATA) + "/everything.yaml").value();
  auto const hidden = first.find("***");
  ASSERT_NE(hidden, std::string::npos) << "the password of the URL";
  auto again = first;
  again.replace(hidden, 3, "secret");
  auto const without_origins = [](std::string const& text) {
    std::string kept;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t const end = text.find('\n', at);
      auto const line = text.substr(at, end - at);
      auto const bare = line.substr(0, line.find("  # "));
      kept += bare.substr(0, bare.find_last_not_of(' ') + 1) + "\n";
      at = end + 1;
    }
    return kept;
  };
  EXPECT_EQ(without_origins(describe(again)), without_origins(first));
}

TEST(Description, QuotesWhatYamlWouldReadOtherwise) {
  for (std::string const value : {"it's: #1 {a}", "a\nb\t\"c\"\\", "null", "~", "- x", "*a", "?"}) {
    Environment const environment{{"FAIRLEAD_LOG__FILE", value}};
    auto const text = describe("service: a");
    EXPECT_EQ(parse_config(text).value().log.file, value);
    unsetenv("FAIRLEAD_LOG__FILE");
    EXPECT_EQ(parse_config(text).value().log.file, value) << text;
  }
}

TEST(Description, HidesSecrets) {
  Environment const environment{{"TEST_SECRET", "canary"}};
  auto const text = describe(
      "broker: kafka://me:${TEST_SECRET}@h?ssl.key.password=canary&linger.ms=5\n"
      "kafka: {conf: {sasl.password: canary, ssl.key.pem: canary, sasl.oauthbearer.client.secret: canary, "
      "sasl.username: me}}\n");
  EXPECT_FALSE(is_said(text, "canary")) << text;
  EXPECT_TRUE(is_said(text, "kafka://me:***@h?ssl.key.password=***&linger.ms=5")) << text;
  EXPECT_TRUE(is_said(text, "sasl.password: '***'")) << text;
  EXPECT_TRUE(is_said(text, "sasl.username: me")) << text;
}

TEST(Description, SaysWhatADestinationBecomes) {
  std::string const text =
      "\ndestinations: {orders: {partitions: 6, groups: [billing]}}\n"
      "subscriptions: {shipping: {destination: orders, group: shipping, ordering: none, dead_letter: false}}\n";
  auto const kafka = describe("broker: kafka://h" + text);
  EXPECT_TRUE(is_said(kafka, "topic orders, 6 partition(s), murmur2 of the key")) << kafka;
  EXPECT_TRUE(is_said(kafka, "group billing: consumer group billing, dead letters in topic orders.billing.dlq"));
  EXPECT_TRUE(is_said(kafka, "group shipping: consumer group shipping\n"));
  auto const amqp = describe("broker: amqp://h" + text);
  EXPECT_TRUE(is_said(amqp, "durable topic exchange orders, murmur2 partition number as last word")) << amqp;
  EXPECT_TRUE(is_said(amqp,
                      "group billing: quorum queue orders.billing.0 to orders.billing.5, single active consumer, dead "
                      "letters in queue orders.billing.dlq"));
  EXPECT_TRUE(is_said(amqp, "group shipping: quorum queue orders.shipping.0 to orders.shipping.5\n"));
  EXPECT_TRUE(is_said(describe("broker: memory://demo" + text), "log orders, 6 partition(s)"));
}

TEST(Description, GivesTheProblemsInsteadWhenThereAreAny) {
  EXPECT_TRUE(is_said(describe("brokr: memory://demo\n"), ".yaml:1: brokr: unknown key (did you mean 'broker'?)"));
}

}  // namespace
}  // namespace fairlead
