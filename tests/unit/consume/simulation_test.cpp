#include "unit/consume/simulation.hpp"

#include <gtest/gtest.h>

#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <sstream>
#include <string>

namespace fairlead::simulation {
namespace {

std::optional<std::uint64_t> number_from(char const* variable) {
  char const* const text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

struct Shape {
  SourceKind kind;
  Ordering ordering;
  char const* name;
};

constexpr Shape kShapes[] = {
    {SourceKind::kLog, Ordering::kKey, "LogByKey"},         {SourceKind::kQueue, Ordering::kKey, "QueueByKey"},
    {SourceKind::kLog, Ordering::kPartition, "LogByLane"},  {SourceKind::kQueue, Ordering::kPartition, "QueueByLane"},
    {SourceKind::kLog, Ordering::kNone, "LogWithoutOrder"}, {SourceKind::kQueue, Ordering::kNone, "QueueWithoutOrder"},
};

/// A broken structure may as well end the process: then this says in which history it was.
class SeedOfCrash {
 public:
  SeedOfCrash() {
    struct sigaction action {};
    action.sa_handler = [](int) {
      (void)!write(STDERR_FILENO, text_, std::strlen(text_));
      (void)sigaction(SIGSEGV, &before_, nullptr);  // the fault comes again, and then as ever
    };
    (void)sigaction(SIGSEGV, &action, &before_);
  }
  ~SeedOfCrash() { (void)sigaction(SIGSEGV, &before_, nullptr); }
  SeedOfCrash(SeedOfCrash const&) = delete;
  SeedOfCrash& operator=(SeedOfCrash const&) = delete;
  void note(std::uint64_t seed) {
    (void)std::snprintf(text_, sizeof text_, "crashed in history %llu\n", static_cast<unsigned long long>(seed));
  }

 private:
  static inline char text_[64] = "";
  static inline struct sigaction before_ {};
};

/// FAIRLEAD_SIMULATION_HISTORIES: how many histories over all shapes. FAIRLEAD_SIMULATION_SEED: only this one, told
/// step by step when it fails.
class Simulation : public testing::TestWithParam<Shape> {
 protected:
  /// Why the history failed; empty when it did not.
  static std::string run(std::uint64_t seed, std::ostream* story) {
    try {
      History(GetParam().kind, GetParam().ordering, seed, story).run();
      return {};
    } catch (Violation const& violation) {
      return violation.what();
    }
  }
};

TEST_P(Simulation, EveryHistoryKeepsThePromisesOfTheBacklog) {
  constexpr std::uint64_t kHistories = 100'000;
  auto const histories = number_from("FAIRLEAD_SIMULATION_HISTORIES").value_or(kHistories) / std::size(kShapes) + 1;
  auto const only = number_from("FAIRLEAD_SIMULATION_SEED");
  auto const last = only.value_or(histories);
  SeedOfCrash crash;
  for (auto seed = only.value_or(1); seed <= last; ++seed) {
    crash.note(seed);
    auto const broken = run(seed, nullptr);
    if (broken.empty()) continue;
    std::ostringstream story;
    (void)run(seed, &story);
    FAIL() << "broken in history " << seed << ": " << broken << "\n"
           << story.str() << "again: FAIRLEAD_SIMULATION_SEED=" << seed << " with --gtest_filter=*/Simulation.*/"
           << GetParam().name;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Simulation, testing::ValuesIn(kShapes),
                         [](auto const& shape) { return std::string(shape.param.name); });

}  // namespace
}  // namespace fairlead::simulation
