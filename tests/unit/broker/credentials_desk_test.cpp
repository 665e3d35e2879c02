#include "broker/credentials_desk.hpp"

#include "support/wait.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

namespace fairlead {
namespace {

using namespace std::chrono_literals;
using test::eventually;

std::chrono::steady_clock::time_point soon() { return std::chrono::steady_clock::now() + 20s; }

Credentials named(std::string user) { return {.user = std::move(user), .password = Secret("p")}; }

TEST(CredentialsDesk, AsksOnAThreadOfItsOwnThatBlocksSignals) {
  std::thread::id asked_on;
  bool blocks_signals = false;
  auto const desk = std::make_shared<CredentialsDesk>([&]() -> Result<Credentials> {
    asked_on = std::this_thread::get_id();
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    blocks_signals = sigismember(&blocked, SIGPIPE) == 1 && sigismember(&blocked, SIGALRM) == 1;
    return named("u");
  });
  EXPECT_EQ(desk->get(soon()).value().user, "u");
  EXPECT_NE(asked_on, std::this_thread::get_id());
  EXPECT_TRUE(blocks_signals);
}

TEST(CredentialsDesk, AnswersEachQuestionAnew) {
  std::atomic<int> calls{0};
  auto const desk =
      std::make_shared<CredentialsDesk>([&]() -> Result<Credentials> { return named(std::to_string(++calls)); });
  EXPECT_EQ(desk->get(soon()).value().user, "1");
  EXPECT_EQ(desk->get(soon()).value().user, "2");
}

TEST(CredentialsDesk, AQuestionThatComesDuringACallIsAnsweredByTheNext) {
  test::Gate gate;
  std::atomic<int> calls{0};
  auto const desk = std::make_shared<CredentialsDesk>([&]() -> Result<Credentials> {
    auto const call = ++calls;
    gate.wait();
    return named(std::to_string(call));
  });
  std::atomic<int> ready{0};
  auto const first = desk->ask([&] { ++ready; });
  ASSERT_TRUE(eventually([&] { return calls == 1; }));
  auto const second = desk->ask([&] { ++ready; });
  auto const third = desk->ask([&] { ++ready; });
  EXPECT_FALSE(first->take());
  gate.open();
  ASSERT_TRUE(eventually([&] { return ready == 3; }));
  EXPECT_EQ(first->take()->value().user, "1");
  EXPECT_EQ(second->take()->value().user, "2");
  EXPECT_EQ(third->take()->value().user, "2");
  EXPECT_EQ(calls, 2);
}

TEST(CredentialsDesk, WhatAProviderThrowsIsAnError) {
  struct NoException {};
  for (int const kind : {0, 1, 2}) {
    auto const desk = std::make_shared<CredentialsDesk>([kind]() -> Result<Credentials> {
      if (kind == 0) throw std::runtime_error("vault said password=canary-77");
      if (kind == 1) throw std::bad_alloc();
      throw NoException{};
    });
    auto const answer = desk->get(soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::kAuthentication);
    EXPECT_NE(answer.error().message.find("credentials provider"), std::string::npos);
    EXPECT_EQ(answer.error().message.find("canary-77"), std::string::npos) << answer.error().message;
  }
}

TEST(CredentialsDesk, AProviderThatDoesNotAnswerIsNotWaitedForLongerThanAsked) {
  test::Gate gate;
  auto const desk = std::make_shared<CredentialsDesk>([gate]() -> Result<Credentials> {
    gate.wait();
    return named("late");
  });
  auto const answer = desk->get(std::chrono::steady_clock::now() + 50ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kTimeout);
  EXPECT_NE(answer.error().message.find("connect_timeout"), std::string::npos);
  // Questions that nobody waits for any more do not pile up behind it.
  for (int i = 0; i < 1'000; ++i) (void)desk->ask([] { ADD_FAILURE() << "nobody asks"; });
  gate.open();
  EXPECT_EQ(desk->get(soon()).value().user, "late");
}

class PasswordFile : public testing::Test {
 protected:
  ~PasswordFile() override { std::remove(path_.c_str()); }
  void write(std::string const& text) const { std::ofstream(path_, std::ios::binary) << text; }
  [[nodiscard]] Result<Credentials> read() const {
    Config config;
    config.connection.password_file = path_;
    return make_credentials_desk(config, {})->get(soon());
  }
  std::string const path_ = testing::TempDir() + "fairlead-password-" + std::to_string(::getpid());
};

TEST_F(PasswordFile, IsReadAgainEachTime) {
  write("first\n");
  EXPECT_EQ(read().value().password.reveal(), "first");
  write("second \r\n");
  EXPECT_EQ(read().value().password.reveal(), "second ");
  EXPECT_TRUE(read().value().user.empty());
}

TEST_F(PasswordFile, WhatCannotBeReadIsNamed) {
  auto const absent = read();
  write("\n");
  auto const empty = read();
  write(std::string(65'537, 'x'));
  auto const large = read();
  for (auto const& refused : {absent, empty, large}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kAuthentication);
    EXPECT_NE(refused.error().message.find("connection.password_file"), std::string::npos);
    EXPECT_NE(refused.error().message.find(path_), std::string::npos);
  }
}

TEST_F(PasswordFile, AProviderStandsBeforeIt) {
  Config config;
  EXPECT_EQ(make_credentials_desk(config, {}), nullptr);
  config.connection.password_file = path_;
  OpenOptions options;
  options.credentials = []() -> Result<Credentials> { return named("provided"); };
  EXPECT_EQ(make_credentials_desk(config, options)->get(soon()).value().user, "provided");
}

}  // namespace
}  // namespace fairlead
