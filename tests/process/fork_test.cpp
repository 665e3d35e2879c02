#include "conformance/conformance.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

// A child of fork() has a copy of everything and none of the threads.
namespace fairlead::conformance {
namespace {

constexpr int kForks = 34;

class Fork : public Conformance {
 protected:
  struct Parts {
    std::unique_ptr<Broker> broker;
    std::optional<Publisher> publisher;
    std::optional<Subscription> billing;
    std::optional<Receiver> receiver;
  };

  /// What a child found wrong; 0 is nothing. It must not hang, whatever was locked at the fork.
  static int try_all_of(Parts& parts) {
    int wrong = 0;
    int test = 0;
    auto const expect_refused = [&](auto const& result) {
      ++test;
      if (wrong == 0 && (result || result.error().code != Errc::kUsedAfterFork)) wrong = test;
    };
    expect_refused(parts.publisher->publish("of a child"));
    std::optional<Result<Receipt>> answer;
    parts.publisher->publish_async("of a child", {}, [&](Result<Receipt> const& result) { answer = result; });
    expect_refused(answer.value());
    expect_refused(parts.publisher->publish_batch(numbered("of a child", 2))[1]);
    expect_refused(parts.publisher->flush(5s));
    expect_refused(parts.broker->publisher("x"));
    expect_refused(parts.broker->declare("x"));
    expect_refused(parts.broker->subscribe("billing", [](Delivery const&) { return ack(); }));
    expect_refused(parts.broker->receiver("billing"));
    expect_refused(parts.broker->flush(5s));
    expect_refused(parts.broker->drain(5s));
    expect_refused(parts.broker->close(5s));
    expect_refused(parts.billing->stop(5s));
    expect_refused(parts.billing->seek(SeekTarget::to_earliest(), 5s));
    expect_refused(parts.receiver->receive(5s));
    parts.billing->pause();
    (void)parts.billing->stats();
    if (parts.broker->health().problem.value().code != Errc::kUsedAfterFork) wrong = 50;
    if (parts.billing->health().problem.value().code != Errc::kUsedAfterFork) wrong = 51;
    Stopwatch const watch;
    parts.receiver.reset();
    parts.billing.reset();
    parts.publisher.reset();
    parts.broker.reset();
    if (watch.elapsed() > 1s) wrong = 52;
    return wrong;
  }

  /// Runs it in a child and returns the child's exit status, or -signal.
  static int in_child(std::function<int()> const& what) {
    pid_t const child = ::fork();
    if (child == 0) {
      ::alarm(30);  // a child that hangs dies of it
      ::_exit(what());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  Parts open_all(Config configuration, Handler handler) {
    add_group(configuration, "pulled");
    Parts parts;
    parts.broker = open(configuration);
    parts.publisher = parts.broker->publisher(destination_).value();
    parts.billing = parts.broker->subscribe("billing", std::move(handler)).value();
    parts.receiver = parts.broker->receiver("pulled").value();
    return parts;
  }
};

INSTANTIATE_TEST_SUITE_P(On, Fork, testing::ValuesIn(brokers_under_test()), name_of);

TEST_P(Fork, WhileNothingHappens) {
  Recorder recorder;
  auto parts = open_all(config(), recorder.handler());
  for (int i = 0; i < kForks; ++i) ASSERT_EQ(in_child([&] { return try_all_of(parts); }), 0);
  ASSERT_TRUE(parts.publisher->publish("of the parent"));
  EXPECT_TRUE(eventually([&] { return recorder.has("of the parent"); }));
  EXPECT_EQ(recorder.begun(), 1u);
  EXPECT_EQ(parts.broker->health().reconnects, 0u);
  EXPECT_TRUE(parts.broker->health().is_healthy());
}

TEST_P(Fork, WhileMessagesArePublished) {
  Recorder recorder;
  auto parts = open_all(config(), recorder.handler());
  std::atomic<bool> ending{false};
  std::atomic<int> confirmed{0};
  std::atomic<int> failed{0};
  std::thread publishing([&] {
    while (!ending) {
      parts.publisher->publish_async("m", {}, [&](Result<Receipt> const& result) { ++(result ? confirmed : failed); });
    }
  });
  for (int i = 0; i < kForks; ++i) {
    auto const before = confirmed.load();
    EXPECT_EQ(in_child([&] { return try_all_of(parts); }), 0);
    EXPECT_TRUE(eventually([&] { return confirmed > before; }));
  }
  ending = true;
  publishing.join();
  EXPECT_TRUE(parts.publisher->flush(30s));
  EXPECT_EQ(failed, 0);
  EXPECT_TRUE(eventually([&] { return recorder.begun() >= static_cast<std::size_t>(confirmed); }));
  EXPECT_EQ(parts.broker->health().reconnects, 0u);
}

TEST_P(Fork, WhileMessagesAreHandled) {
  Recorder recorder;
  auto configuration = config();
  billing_of(configuration).concurrency = 4;
  billing_of(configuration).ordering = Ordering::kNone;
  auto parts = open_all(configuration, recorder.handler([](Seen const&) {
    std::this_thread::sleep_for(2ms);
    return ack();
  }));
  auto const messages = numbered("m", 2'000);
  publish(*parts.broker, messages);
  for (int i = 0; i < kForks; ++i) ASSERT_EQ(in_child([&] { return try_all_of(parts); }), 0);
  EXPECT_TRUE(eventually([&] { return recorder.distinct_payloads().size() == messages.size(); }));
  EXPECT_EQ(recorder.begun(), messages.size());
  EXPECT_EQ(parts.broker->health().reconnects, 0u);
}

TEST_P(Fork, ChildMayOpenABrokerOfItsOwn) {
  auto const configuration = config();
  auto parent = open(configuration);
  auto publisher = parent->publisher(destination_).value();
  auto const in_parent = publisher.publish("m").value().id;
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  ASSERT_EQ(in_child([&] {
              auto const broker = Broker::open(configuration);
              if (!broker) return 1;
              auto own = (*broker)->publisher(destination_);
              if (!own) return 2;
              auto const published = own->publish("of the child");
              if (!published) return 3;
              return ::write(pipe[1], published->id.data(), 36) == 36 ? 0 : 4;
            }),
            0);
  std::string of_child(36, '?');
  ASSERT_EQ(::read(pipe[0], of_child.data(), 36), 36);
  auto const next = publisher.publish("m").value().id;
  // Both ids are random, behind their time, and not drawn from copies of one generator.
  EXPECT_NE(of_child.substr(19), next.substr(19));
  EXPECT_NE(of_child.substr(19), in_parent.substr(19));
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace fairlead::conformance
