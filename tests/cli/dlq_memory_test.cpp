#include "cli/dlq_actions.hpp"
#include "cli/dlq_reading.hpp"
#include "support/wait.hpp"

#include <fairlead/fairlead.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <string>

// The commands on the in-process broker, which lives as long as somebody has it open.
namespace fairlead::cli {
namespace {

using namespace std::chrono_literals;
using test::eventually;

class DlqCommands : public testing::Test {
 protected:
  void SetUp() override {
    static std::atomic<int> count{0};
    url_ = "memory://dlq-" + std::to_string(getpid()) + "-" + std::to_string(++count);
    Config config;
    config.broker = url_;
    config.log.level = LogLevel::kError;
    config.destinations["orders"] = {};
    config.subscriptions["billing"].destination = "orders";
    config.subscriptions["billing"].group = "billing";
    broker_ = Broker::open(config).value();
  }

  /// `m0` and so on, with the keys `even` and `odd`.
  void make_dead_letters(int count) {
    auto const billing = broker_->subscribe("billing", [](Delivery const&) { return reject("no"); }).value();
    auto orders = broker_->publisher("orders").value();
    for (int i = 0; i < count; ++i) {
      auto const id = "m" + std::to_string(i);
      ASSERT_TRUE(orders.publish("payload", {.key = i % 2 == 0 ? "even" : "odd", .id = id}));
    }
    ASSERT_TRUE(eventually([&] { return billing.stats().dead_lettered == static_cast<std::uint64_t>(count); }));
  }

  [[nodiscard]] DlqCommand command(DlqCommand::Action action) const {
    DlqCommand command;
    command.action = action;
    command.target.url = url_;
    command.target.destination = "orders";
    command.group = "billing";
    command.json = true;
    return command;
  }

  struct Printed {
    int code = -1;
    std::string out;
    std::string err;
  };
  [[nodiscard]] static Printed run(DlqCommand const& command) {
    auto const filter = DeadLetterFilter::make(command.choice, std::chrono::system_clock::now()).value();
    auto const broker = Broker::open(configure_reading(command).value()).value();
    StopSignal const signal;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Printed printed;
    printed.code = command.looks_only() ? look_at_dead_letters(*broker, signal, command, filter, 200ms)
                                        : clear_dead_letters(*broker, signal, command, filter, 200ms);
    printed.out = testing::internal::GetCapturedStdout();
    printed.err = testing::internal::GetCapturedStderr();
    return printed;
  }

  std::string url_;
  std::unique_ptr<Broker> broker_;
};

TEST_F(DlqCommands, ALookSettlesNothing) {
  make_dead_letters(5);
  for (int look = 0; look < 2; ++look) {
    auto const printed = run(command(DlqCommand::Action::kList));
    EXPECT_EQ(printed.code, kOk);
    EXPECT_EQ(printed.err, "listed 5\n");
    EXPECT_NE(printed.out.find(R"("id":"m4")"), std::string::npos) << printed.out;
  }
}

TEST_F(DlqCommands, WhatAPurgeDoesNotMeanStays) {
  make_dead_letters(6);
  auto odd = command(DlqCommand::Action::kPurge);
  odd.choice.key = "odd";
  EXPECT_EQ(run(odd).err, "purged 3 put back 3 failed 0\n");
  auto const left = run(command(DlqCommand::Action::kList));
  EXPECT_EQ(left.err, "listed 3\n");
  EXPECT_NE(left.out.find(R"("fairlead-error":"no")"), std::string::npos) << left.out;
  EXPECT_EQ(run(command(DlqCommand::Action::kPurge)).err, "purged 3 put back 0 failed 0\n");
  EXPECT_EQ(run(command(DlqCommand::Action::kList)).err, "listed 0\n");
}

TEST_F(DlqCommands, OneThatIsNotThereIsAFailure) {
  make_dead_letters(1);
  auto show = command(DlqCommand::Action::kShow);
  show.choice.id = "m7";
  EXPECT_EQ(run(show).code, kFailed);
  show.choice.id = "m0";
  EXPECT_EQ(run(show).code, kOk);
}

TEST_F(DlqCommands, ARedriveBringsBackWhatItMeansOnce) {
  make_dead_letters(6);
  auto odd = command(DlqCommand::Action::kRedrive);
  odd.choice.key = "odd";
  EXPECT_EQ(run(odd).err, "redriven 3 put back 3 failed 0\n");
  std::atomic<int> back{0};
  auto const billing = broker_
                           ->subscribe("billing",
                                       [&](Delivery const& delivery) {
                                         EXPECT_EQ(delivery.key(), "odd");
                                         EXPECT_TRUE(delivery.headers().empty());
                                         ++back;
                                         return ack();
                                       })
                           .value();
  EXPECT_TRUE(eventually([&] { return back == 3; }));
  EXPECT_EQ(run(command(DlqCommand::Action::kList)).err, "listed 3\n");
}

}  // namespace
}  // namespace fairlead::cli
