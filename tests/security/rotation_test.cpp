#include "security/secured.hpp"
#include "support/child_process.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

// Passwords and tokens that change while messages flow.
namespace fairlead::security {
namespace {

/// What a vault would be: the credentials of the moment. Thread-safe.
class Vault {
 public:
  void put(std::string password) {
    std::lock_guard const lock(mutex_);
    password_ = std::move(password);
  }
  [[nodiscard]] CredentialsProvider provider(std::string user) {
    return [this, user = std::move(user)]() -> Result<Credentials> {
      ++calls_;
      std::lock_guard const lock(mutex_);
      return Credentials{.user = user, .password = Secret(password_)};
    };
  }
  [[nodiscard]] int calls() const noexcept { return calls_; }

 private:
  std::mutex mutex_;
  std::string password_;
  std::atomic<int> calls_{0};
};

class Rotation : public Secured {
 protected:
  /// Publishes one message after the other, and handles them, until it is ended.
  class Flow {
   public:
    Flow(Broker& broker, std::string const& destination)
        : publisher_(broker.publisher(destination).value()),
          subscription_(broker
                            .subscribe("billing",
                                       [this](Delivery const& delivery) {
                                         std::lock_guard const lock(mutex_);
                                         seen_.emplace(delivery.payload());
                                         test::something_changed();
                                         return ack();
                                       })
                            .value()),
          thread_([this] { publish(); }) {}
    ~Flow() { end(); }

    void wait_for_progress() {
      auto const begun = confirmed_.load();
      EXPECT_TRUE(eventually([&] { return confirmed_ >= begun + 20; })) << "nothing is confirmed any more";
    }
    /// All that was confirmed was handled, and what was not may have been.
    void expect_nothing_lost() {
      end();
      EXPECT_EQ(refused_, 0) << failure_;
      EXPECT_TRUE(eventually([&] {
        std::lock_guard const lock(mutex_);
        return std::includes(seen_.begin(), seen_.end(), confirmed_payloads_.begin(), confirmed_payloads_.end());
      })) << "a confirmed message was not handled";
    }

   private:
    void publish() {
      for (int i = 0; !ending_; ++i) {
        auto const payload = "m" + std::to_string(i);
        auto const published = publisher_.publish(payload);
        if (published) {
          ++confirmed_;
          confirmed_payloads_.insert(payload);
        } else if (!published.error().maybe_applied) {
          ++refused_;
          failure_ = published.error().message;
        }
        test::something_changed();
      }
    }
    void end() {
      ending_ = true;
      if (thread_.joinable()) thread_.join();
    }

    std::mutex mutex_;
    std::set<std::string> seen_;
    std::atomic<int> confirmed_{0};
    std::set<std::string> confirmed_payloads_;  // of the publishing thread, until it has ended
    std::atomic<int> refused_{0};
    std::string failure_;
    std::atomic<bool> ending_{false};
    Publisher publisher_;
    Subscription subscription_;
    std::thread thread_;
  };

  /// Kafka's users are in its configuration: another password needs a restart.
  void restart_kafka_with(std::string const& password) {
    auto const properties = folder() + "/secured-kafka/1/server.properties";
    std::ifstream in(properties);
    std::stringstream text;
    std::string const user = "user_rotating=\"";
    for (std::string line; std::getline(in, line);) {
      if (auto const at = line.find(user); at != std::string::npos) {
        auto const begin = at + user.size();
        line.replace(begin, line.find('"', begin) - begin, password);
      }
      text << line << '\n';
    }
    in.close();
    std::ofstream(properties) << text.str();
    for (auto const* const command : {"term", "restart"}) {
      test::ChildProcess script({START_KAFKA, command, folder() + "/secured-kafka"});
      ASSERT_EQ(script.wait(90s), 0) << command;
    }
  }
  Config quick(Config config) const {
    config.publish.deadline = 60s;
    config.connection.backoff_initial = 200ms;
    config.connection.backoff_max = 1s;
    return config;
  }
};

TEST_F(Rotation, RabbitmqTakesThePasswordOfTheProvider) {
  Vault vault;
  vault.put("first-password");
  auto const user = add_user("first-password");
  auto const opened = Broker::open(quick(config("amqp://" + address("AMQP_ADDRESSES") + "/")),
                                   {.logger = log_, .credentials = vault.provider(user)});
  ASSERT_TRUE(opened) << opened.error().message;
  Flow flow(**opened, destination_);
  flow.wait_for_progress();
  for (auto const* const next : {"second-password", "third-password"}) {
    // A connection that is still logging in would not be closed with the others.
    ASSERT_TRUE(eventually([&] { return (*opened)->health().is_healthy(); }));
    auto const before = vault.calls();
    vault.put(next);
    change_password(user, next);
    EXPECT_TRUE(eventually([&] { return vault.calls() >= before + 2; }));  // two connections
    flow.wait_for_progress();
  }
  flow.expect_nothing_lost();
}

TEST_F(Rotation, RabbitmqReadsThePasswordFileAtEachConnection) {
  auto const file = testing::TempDir() + unique_name("password");
  std::ofstream(file) << "first-password\n";
  auto const user = add_user("first-password");
  auto made = quick(config("amqp://" + user + "@" + address("AMQP_ADDRESSES") + "/"));
  made.connection.password_file = file;
  auto const opened = Broker::open(made, {.logger = log_});
  ASSERT_TRUE(opened) << opened.error().message;
  Flow flow(**opened, destination_);
  flow.wait_for_progress();
  std::ofstream(file) << "second-password\n";
  change_password(user, "second-password");
  flow.wait_for_progress();
  flow.expect_nothing_lost();
  std::remove(file.c_str());
}

TEST_F(Rotation, KafkaTakesThePasswordOfTheProvider) {
  Vault vault;
  vault.put("first-password");
  restart_kafka_with("first-password");
  auto const opened = Broker::open(quick(config("kafka://" + address("KAFKA_BOOTSTRAP_SASL_PLAIN"))),
                                   {.logger = log_, .credentials = vault.provider("rotating")});
  ASSERT_TRUE(opened) << opened.error().message;
  Flow flow(**opened, destination_);
  flow.wait_for_progress();
  vault.put("second-password");
  restart_kafka_with("second-password");
  flow.wait_for_progress();
  flow.expect_nothing_lost();
}

/// {"alg":"none"}.{"sub":"thePrincipalName","iat":now,"exp":then}. as Kafka's own validator of the tests takes it.
std::string token(std::chrono::system_clock::time_point end) {
  auto const seconds = [](auto time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
  };
  std::string const claims = R"({"sub":"thePrincipalName","iat":)" +
                             seconds(std::chrono::system_clock::now() - std::chrono::seconds(5)) + R"(,"exp":)" +
                             seconds(end) + "}";
  auto const base64 = [](std::string const& text) {
    static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (unsigned char const c : text) {
      bits = bits << 8U | c;
      for (count += 8; count >= 6; count -= 6) out += kDigits[bits >> static_cast<unsigned>(count - 6) & 63U];
    }
    if (count > 0) out += kDigits[bits << static_cast<unsigned>(6 - count) & 63U];
    return out;
  };
  return base64(R"({"alg":"none"})") + "." + base64(claims) + ".";
}

TEST_F(Rotation, KafkaTokensAreReplacedBeforeTheyEnd) {
  std::atomic<int> calls{0};
  auto made = quick(config("kafka://" + address("KAFKA_BOOTSTRAP_SASL_PLAIN")));
  made.kafka.conf["sasl.mechanisms"] = "OAUTHBEARER";
  auto const opened = Broker::open(
      made, {.logger = log_, .credentials = [&]() -> Result<Credentials> {
               ++calls;
               auto const end = std::chrono::system_clock::now() + 6s;
               return Credentials{.user = "thePrincipalName", .password = Secret(token(end)), .expires_at = end};
             }});
  ASSERT_TRUE(opened) << opened.error().message;
  Flow flow(**opened, destination_);
  flow.wait_for_progress();
  auto const before = calls.load();
  EXPECT_TRUE(eventually([&] { return calls >= before + 4; }, 30s));  // of producer and consumer
  flow.wait_for_progress();
  flow.expect_nothing_lost();
}

TEST_F(Rotation, WhatAProviderDoesWrongIsAnErrorOfOpening) {
  test::Gate const gate;
  auto kafka = config("kafka://" + address("KAFKA_BOOTSTRAP_SASL_PLAIN"));
  auto amqp = config("amqp://" + address("AMQP_ADDRESSES") + "/");
  for (auto made : {kafka, amqp}) {
    made.connection.connect_timeout = 1s;
    auto const open = [&](CredentialsProvider provider) {
      auto const began = std::chrono::steady_clock::now();
      auto const opened = Broker::open(made, {.logger = log_, .credentials = std::move(provider)});
      EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
      return opened ? Error{} : opened.error();
    };
    expect_error(open([]() -> Result<Credentials> { throw std::runtime_error("no vault, token=canary-1"); }),
                 Errc::kAuthentication, {"credentials provider", "no vault"});
    expect_error(open([]() -> Result<Credentials> {
                   return Error{Errc::kAccessDenied, "the vault is sealed"};
                 }),
                 Errc::kAccessDenied, {"the vault is sealed"});
    auto const late = open([gate]() -> Result<Credentials> {
      gate.wait();
      return Credentials{};
    });
    // Whichever of the two deadlines, which are the same, is seen first.
    EXPECT_TRUE(has(late.message, "credentials provider did not answer") || has(late.message, "connect_timeout"))
        << late.message;
    EXPECT_TRUE(late.retryable);
  }
  gate.open();
  for (auto const& entry : log_->all()) EXPECT_FALSE(has(entry.text, "canary-1")) << entry.text;
}

}  // namespace
}  // namespace fairlead::security
