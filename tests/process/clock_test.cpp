#include "conformance/conformance.hpp"
#include "support/child_process.hpp"
#include "support/missing.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

// The wall clock jumps, by libfaketime; the steady clock, which all deadlines are in, is the real one.
namespace fairlead::conformance {
namespace {

constexpr char const* kClockFile = "FAKETIME_TIMESTAMP_FILE";

class ClockJump : public Conformance {
 protected:
  static void set_clock(std::string const& offset) {
    std::string const file = std::getenv(kClockFile);
    std::ofstream(file + ".new") << offset << '\n';
    ASSERT_EQ(std::rename((file + ".new").c_str(), file.c_str()), 0);
  }
};

// Not Kafka: librdkafka (2.0.2) waits for its conditions by the wall clock, and stands still when that is set back.
INSTANTIATE_TEST_SUITE_P(On, ClockJump,
                         testing::Values(BrokerUnderTest{"memory", ""}, BrokerUnderTest{"amqp", "FAIRLEAD_AMQP_URL"}),
                         name_of);

/// Runs the test below in a process with a clock that can be set.
TEST_P(ClockJump, ChangesNothing) {
  if (std::getenv(kClockFile) != nullptr) GTEST_SKIP() << "this is the other process";
#ifdef FAKETIME_LIBRARY
  auto const clock = testing::TempDir() + unique_name("clock");
  std::ofstream(clock) << "+0\n";
  test::ChildProcess child({"/usr/bin/env", "LD_PRELOAD=" FAKETIME_LIBRARY, "FAKETIME_DONT_FAKE_MONOTONIC=1",
                            "FAKETIME_NO_CACHE=1", std::string(kClockFile) + "=" + clock,
                            std::filesystem::read_symlink("/proc/self/exe").string(), "--gtest_also_run_disabled_tests",
                            "--gtest_filter=*DISABLED_InAProcessWithAFakeClock/" + GetParam().name});
  auto const status = child.wait(150s);
  EXPECT_EQ(status, 0);
  if (status != 0) {
    for (auto const& line : child.lines()) ADD_FAILURE() << line;
  }
  std::remove(clock.c_str());
#else
  test::miss({"libfaketime is missing: tests/setup.sh installs it"});
#endif
}

TEST_P(ClockJump, DISABLED_InAProcessWithAFakeClock) {
  Recorder recorder;
  auto configuration = config();
  configuration.publish.deadline = 10s;
  billing_of(configuration).timeout = 5s;
  auto broker = open(configuration);
  auto publisher = broker->publisher(destination_).value();
  auto const billing = broker->subscribe("billing", recorder.handler()).value();
  std::atomic<bool> ending{false};
  std::atomic<int> confirmed{0};
  std::atomic<int> failed{0};
  std::string failure;
  std::thread publishing([&] {
    while (!ending) {
      auto const published = publisher.publish("m" + std::to_string(confirmed));
      if (!published) failure = published.error().message;
      ++(published ? confirmed : failed);
    }
  });
  auto const steady = std::chrono::steady_clock::now();
  auto const wall = std::chrono::system_clock::now();
  for (auto const* const offset : {"+1h", "-1h", "+0", "-1h", "+1h", "+0"}) {
    set_clock(offset);
    auto const begun = confirmed.load();
    ASSERT_TRUE(eventually([&] { return confirmed >= begun + 100; }, 20s)) << offset;
  }
  set_clock("+4h");
  EXPECT_GT(std::chrono::system_clock::now() - wall, 50min) << "the clock was not set";
  EXPECT_LT(std::chrono::steady_clock::now() - steady, 5min) << "the steady clock was set as well";
  ending = true;
  publishing.join();
  EXPECT_EQ(failed, 0) << failure;
  EXPECT_TRUE(eventually([&] { return recorder.distinct_payloads().size() == static_cast<std::size_t>(confirmed); }));
  EXPECT_EQ(recorder.begun(), static_cast<std::size_t>(confirmed)) << "something was delivered again";
  EXPECT_EQ(broker->health().reconnects, 0u);
  EXPECT_EQ(billing.health().stuck_handlers, 0u);
  Stopwatch const watch;
  EXPECT_TRUE(broker->close(20s));
  EXPECT_LT(watch.elapsed(), 15s);
}

}  // namespace
}  // namespace fairlead::conformance
