#include "security/secured.hpp"

#include "support/missing.hpp"
#include "support/rabbitmqctl.hpp"
#include "support/recorder.hpp"

#include <atomic>
#include <fstream>
#include <random>

namespace fairlead::security {

void Secured::SetUp() {
  folder_ = test::environment("FAIRLEAD_SECURED_DIR");
  if (folder_.empty()) test::miss({"FAIRLEAD_SECURED_DIR is not set: tests/brokers/provision.sh --secured sets it"});
}

std::string Secured::address(std::string const& key) const {
  std::ifstream env(folder_ + (key.starts_with("KAFKA") ? "/secured-kafka/env" : "/secured-amqp/env"));
  for (std::string line; std::getline(env, line);) {
    if (line.starts_with(key + "=")) return line.substr(key.size() + 1);
  }
  ADD_FAILURE() << key << " is not in env";
  return {};
}

Config Secured::config(std::string const& broker) const {
  Config config;
  config.broker = broker;
  config.service = "security";
  config.connection.connect_timeout = 5s;
  config.destinations[destination_] = {};
  auto& billing = config.subscriptions["billing"];
  billing.destination = destination_;
  billing.group = unique_name("billing");
  return config;
}

Config Secured::kafka_tls(std::string const& address, std::string const& authority) const {
  auto made = config("kafkas://" + address);
  made.kafka.conf["ssl.ca.location"] = cert(authority);
  return made;
}

std::string Secured::key_pair(std::string const& name) const {
  return name.empty() ? "" : "&certfile=" + cert(name + ".crt") + "&keyfile=" + cert(name + ".key");
}

Config Secured::amqp_tls(std::string const& address, std::string const& authority, std::string const& certificate,
                         std::string const& login, std::string const& more) const {
  return config("amqps://" + login + address + "/?cacertfile=" + cert(authority) + key_pair(certificate) + more);
}

Error Secured::refusal(Config const& config, std::string_view what) const {
  auto const began = std::chrono::steady_clock::now();
  auto const opened = Broker::open(config, {.logger = log_});
  auto const took = std::chrono::steady_clock::now() - began;
  EXPECT_LT(took, config.connection.connect_timeout + 1s) << what;
  if (opened) {
    ADD_FAILURE() << what << ": was opened";
    return {};
  }
  return opened.error();
}

void Secured::expect_works(Config const& config) {
  auto opened = Broker::open(config, {.logger = log_});
  ASSERT_TRUE(opened) << opened.error().message;
  auto publisher = (*opened)->publisher(destination_);
  ASSERT_TRUE(publisher) << publisher.error().message;
  test::Recorder const recorder;
  auto const billing = (*opened)->subscribe("billing", recorder.handler());
  ASSERT_TRUE(billing) << billing.error().message;
  auto const published = publisher->publish("m");
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_TRUE(eventually([&] { return recorder.begun() >= 1; }));
}

void Secured::rabbitmqctl(std::vector<std::string> const& arguments) const {
  test::rabbitmqctl(folder_ + "/secured-amqp", arguments);
}

std::string Secured::add_user(std::string const& password) const {
  auto const user = unique_name("user");
  rabbitmqctl({"add_user", user, password});
  rabbitmqctl({"set_permissions", user, ".*", ".*", ".*"});
  return user;
}

void Secured::change_password(std::string const& user, std::string const& password) const {
  rabbitmqctl({"change_password", user, password});
  rabbitmqctl({"close_all_user_connections", user, "test"});
}

std::string Secured::unique_name(std::string_view prefix) {
  static unsigned const run = std::random_device()();
  static std::atomic<int> count{0};
  return std::string(prefix) + "-" + std::to_string(run) + "-" + std::to_string(++count);
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

void expect_error(Error const& error, Errc code, std::vector<std::string> const& parts) {
  EXPECT_EQ(error.code, code) << error.message;
  for (auto const& part : parts) EXPECT_TRUE(has(error.message, part)) << "no '" << part << "' in: " << error.message;
}

}  // namespace fairlead::security
