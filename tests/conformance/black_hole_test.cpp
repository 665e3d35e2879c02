#include "conformance/conformance.hpp"
#include "conformance/outage.hpp"

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

// Closing while the broker does not answer, from every kind of thread.
namespace fairlead::conformance {
namespace {

class BlackHole : public Conformance {
 protected:
  static constexpr std::chrono::milliseconds kBound{1'000};
  static constexpr int kPublishes = 50;

  void SetUp() override {
    Conformance::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    test::Missing missing;
    outage_ = Outage::of(url_, missing);
    if (outage_ == nullptr) return test::miss(missing);
    url_ = outage_->url();
  }
  void TearDown() override {
    if (outage_ != nullptr) outage_->end();
  }

  /// A broker with a running handler, and with publishes that the broker does not answer any more.
  void open_and_lose(Handler handler) {
    auto configuration = config();
    configuration.connection.close_timeout = kBound;
    broker_ = open(configuration);
    billing_.emplace(broker_->subscribe("billing", std::move(handler)).value());
    publisher_.emplace(broker_->publisher(destination_).value());
    ASSERT_TRUE(publisher_->publish("before"));
    ASSERT_TRUE(eventually([&] { return handled_ > 0; }));
    outage_->begin();
    for (int i = 0; i < kPublishes; ++i) publisher_->publish_async("lost", {}, [this](auto const&) { ++ended_; });
  }
  Handler counting() {
    return [this](Delivery const&) {
      ++handled_;
      something_changed();
      return ack();
    };
  }

  void expect_bounded(std::function<void()> const& close) {
    Stopwatch const watch;
    close();
    EXPECT_LT(watch.elapsed(), kBound + kSlack);
  }
  void expect_all_ended() { EXPECT_EQ(ended_, kPublishes) << "each exactly once"; }

  std::unique_ptr<Outage> outage_;
  std::unique_ptr<Broker> broker_;
  std::optional<Subscription> billing_;
  std::optional<Publisher> publisher_;
  std::atomic<int> handled_{0};
  std::atomic<int> ended_{0};
};

INSTANTIATE_TEST_SUITE_P(On, BlackHole, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(BlackHole, CloseOnTheMainThreadKeepsItsBound) {
  ASSERT_NO_FATAL_FAILURE(open_and_lose(counting()));
  expect_bounded([&] { (void)broker_->close(kBound); });
  expect_all_ended();
}

TEST_P(BlackHole, CloseOnAnotherThreadKeepsItsBound) {
  ASSERT_NO_FATAL_FAILURE(open_and_lose(counting()));
  expect_bounded([&] { std::thread([&] { (void)broker_->close(kBound); }).join(); });
  expect_all_ended();
}

TEST_P(BlackHole, CloseOnADetachedThreadKeepsItsBound) {
  ASSERT_NO_FATAL_FAILURE(open_and_lose(counting()));
  Gate const closed;
  expect_bounded([&] {
    std::thread([this, closed] {
      (void)broker_->close(kBound);
      closed.open();
    }).detach();
    EXPECT_TRUE(closed.wait());
  });
  expect_all_ended();
}

TEST_P(BlackHole, DestructorKeepsTheCloseTimeout) {
  ASSERT_NO_FATAL_FAILURE(open_and_lose(counting()));
  expect_bounded([&] { broker_.reset(); });
  expect_all_ended();
  EXPECT_EQ(publisher_->publish("after").error().code, Errc::kClosed);
}

TEST_P(BlackHole, CloseInAHandlerIsRefusedAtOnce) {
  Gate const lost;
  std::atomic<int> refused{0};
  ASSERT_NO_FATAL_FAILURE(open_and_lose([&, lost](Delivery const&) {
    if (handled_++ > 0) return ack();
    something_changed();
    lost.wait();
    Stopwatch const watch;
    auto const closed = broker_->close(kBound);
    if (!closed && closed.error().code == Errc::kInvalidArgument && watch.elapsed() < kBound) ++refused;
    something_changed();
    return ack();
  }));
  lost.open();
  EXPECT_TRUE(eventually([&] { return refused == 1; }));
  expect_bounded([&] { (void)broker_->close(kBound); });
  expect_all_ended();
}

TEST_P(BlackHole, CloseInACompletionIsRefusedAtOnce) {
  ASSERT_NO_FATAL_FAILURE(open_and_lose(counting()));
  std::atomic<int> refused{0};
  publisher_->publish_async("late", {.deadline = 100ms}, [&](auto const&) {
    Stopwatch const watch;
    auto const closed = broker_->close(kBound);
    if (!closed && closed.error().code == Errc::kInvalidArgument && watch.elapsed() < kBound) ++refused;
    something_changed();
  });
  EXPECT_TRUE(eventually([&] { return refused == 1; }));
  expect_bounded([&] { (void)broker_->close(kBound); });
  expect_all_ended();
}

/// Closes what it holds when the process ends, after main.
struct ClosedAtExit {
  std::unique_ptr<Broker> broker;
};

TEST_P(BlackHole, CloseAtExitKeepsTheCloseTimeout) {
  // A process of its own: it opens nothing before the fork, so it has no thread that was lost.
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  outage_->end();
  EXPECT_EXIT(
      {
        static ClosedAtExit kept;
        auto configuration = config();
        configuration.connection.close_timeout = kBound;
        kept.broker = open(configuration);
        auto publisher = kept.broker->publisher(destination_).value();
        publisher.publish("before").value();
        outage_->begin();
        for (int i = 0; i < kPublishes; ++i) publisher.publish_async("lost", {}, [](auto const&) {});
        std::atexit([] {
          // Registered after the static: runs before its destructor, so a timer ends a process that would hang.
          alarm(static_cast<unsigned>((kBound + kSlack) / 1s));
        });
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace fairlead::conformance
