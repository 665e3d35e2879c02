#include <fairlead/result.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace fairlead {
namespace {

TEST(Errc, HasAStableNameOfItsOwnForEachCode) {
  std::set<std::string> names;
  int const count = static_cast<int>(Errc::kInternal) + 1;
  for (int code = 0; code < count; ++code) names.emplace(to_string(static_cast<Errc>(code)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(count));
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(to_string(Errc::kInvalidArgument), "invalid_argument");
  EXPECT_EQ(to_string(Errc::kConnectionLost), "connection_lost");
}

TEST(Result, ThrowsItsErrorWhenTheValueIsDemanded) {
  Result<int> const failed = Error{Errc::kTimeout, "too slow", true, true, 42};
  try {
    (void)failed.value();
    FAIL() << "no exception";
  } catch (BrokerError const& thrown) {
    EXPECT_STREQ(thrown.what(), "too slow");
    EXPECT_EQ(thrown.error().code, Errc::kTimeout);
    EXPECT_TRUE(thrown.error().retryable);
    EXPECT_TRUE(thrown.error().maybe_applied);
    EXPECT_EQ(thrown.error().native_code, 42);
  }
  EXPECT_THROW(Result<void>(Error{}).value(), BrokerError);
}

TEST(Result, GivesTheValueOrAFallback) {
  EXPECT_EQ(Result<int>(7).value_or(1), 7);
  EXPECT_EQ(Result<int>(Error{}).value_or(1), 1);
  EXPECT_TRUE(Result<void>());
  EXPECT_EQ(Result<std::string>("text").value(), "text");
}

}  // namespace
}  // namespace fairlead
