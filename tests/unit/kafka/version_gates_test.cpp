#include "kafka/version_gates.hpp"

#include "support/missing.hpp"

#include <gtest/gtest.h>

namespace fairlead::kafka {
namespace {

constexpr int k202 = 0x020002ff;
constexpr int k260 = 0x020600ff;
constexpr int k261 = 0x020601ff;

TEST(VersionGates, TheVersionIsTheOneThatIsToBeTested) {
  auto const expected = test::environment("FAIRLEAD_EXPECT_LIBRDKAFKA");
  if (expected.empty()) {
    GTEST_SKIP() << "no version is asked for (FAIRLEAD_EXPECT_LIBRDKAFKA); this is " << rd_kafka_version_str();
  }
  EXPECT_EQ(rd_kafka_version_str(), expected);
}

TEST(VersionGates, OpenWithTheirVersion) {
  EXPECT_FALSE(has(Since::kSeekInMilliseconds, k202));
  EXPECT_TRUE(has(Since::kSeekInMilliseconds, 0x020100ff));
  EXPECT_FALSE(has(Since::kFetchQueueBackoff, k202));
  EXPECT_FALSE(has(Since::kFetchQueueBackoff, 0x020101ff));
  EXPECT_TRUE(has(Since::kFetchQueueBackoff, 0x020200ff));
  EXPECT_FALSE(has(Since::kLongClientId, 0x020400ff));
  EXPECT_TRUE(has(Since::kLongClientId, 0x020500ff));
  EXPECT_FALSE(has(Since::kScramWithKafka4, k260));
  EXPECT_TRUE(has(Since::kScramWithKafka4, k261));
  EXPECT_TRUE(has(Since::kScramWithKafka4, 0x030000ff));
}

TEST(VersionGates, WhoIsRefusedWithScramByAnOldVersionIsToldWhichOneWorks) {
  for (auto const* mechanism : {"SCRAM-SHA-256", "scram-sha-512"}) {
    auto const hint = login_hint(mechanism, k202);
    EXPECT_NE(hint.find("needs librdkafka 2.6.1"), std::string::npos) << hint;
    EXPECT_NE(hint.find("this is 2.0.2"), std::string::npos) << hint;
    EXPECT_EQ(login_hint(mechanism, k261), "");
  }
  EXPECT_EQ(login_hint("PLAIN", k202), "");
  EXPECT_EQ(login_hint("", k202), "");
}

}  // namespace
}  // namespace fairlead::kafka
