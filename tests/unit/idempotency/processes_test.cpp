// Several processes on one store.
#include "support/child_process.hpp"
#include "support/wait.hpp"
#include "unit/idempotency/store_under_test.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace fairlead {
namespace {

constexpr int kProcesses = 4;
constexpr int kKeys = 250;

class SharedStore : public testing::TestWithParam<char const*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "redis" && !require_redis()) return;
    place_ = make_place(GetParam());
  }
  [[nodiscard]] std::unique_ptr<test::ChildProcess> run(std::string const& owner, std::string const& task) const {
    return std::make_unique<test::ChildProcess>(std::vector<std::string>{CLAIMANT, place_->url(), owner, task});
  }

  std::unique_ptr<StorePlace> place_;
};

TEST_P(SharedStore, GrantsEachKeyToOneOfManyProcesses) {
  std::vector<std::unique_ptr<test::ChildProcess>> processes;
  for (int number = 0; number < kProcesses; ++number) {
    processes.push_back(run(std::to_string(number), std::to_string(kKeys)));
  }
  std::size_t granted = 0;
  std::set<std::string> distinct;
  for (auto const& process : processes) {
    ASSERT_EQ(process->wait(test::kPatience), 0);
    auto const lines = process->lines();
    granted += lines.size();
    distinct.insert(lines.begin(), lines.end());
  }
  EXPECT_EQ(granted, static_cast<std::size_t>(kKeys));
  EXPECT_EQ(distinct.size(), static_cast<std::size_t>(kKeys));
}

TEST_P(SharedStore, OutlivesAProcessKilledBetweenClaimAndCompletion) {
  auto const store = place_->open();
  ClaimKey const held{"processes", "held"};
  auto process = run("ann", "hold");
  ASSERT_TRUE(test::eventually([&] { return (void)process->wait(10ms), !process->lines().empty(); }));
  ASSERT_EQ(process->lines().front(), "claimed");
  EXPECT_EQ(store->claim(held, "bob", 60s).value().state, ClaimState::kBusy);
  process.reset();  // by SIGKILL
  EXPECT_TRUE(test::eventually([&] { return store->claim(held, "bob", 60s).value().state == ClaimState::kClaimed; }));
  EXPECT_TRUE(store->complete(held, "bob", 60s).value());
  EXPECT_EQ(place_->open()->claim(held, "cid", 60s).value().state, ClaimState::kDone);
}

std::string name_of(testing::TestParamInfo<char const*> const& store) { return store.param; }

INSTANTIATE_TEST_SUITE_P(, SharedStore, testing::Values("sqlite", "redis"), name_of);

}  // namespace
}  // namespace fairlead
