#include "support/wait.hpp"

#include <fairlead/fairlead.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

// Makes dead letters: rejects the messages of a group until so many were given up.
// Usage: reject_all URL DESTINATION GROUP PARTITIONS COUNT
int main(int argc, char** argv) {
  if (argc != 6) return 2;
  std::string const destination = argv[2];
  auto const count = static_cast<std::uint64_t>(std::atoll(argv[5]));
  fairlead::Config config;
  config.broker = argv[1];
  config.log.level = fairlead::LogLevel::kError;
  config.destinations[destination].partitions = std::atoi(argv[4]);
  auto& subscription = config.subscriptions["reject"];
  subscription.destination = destination;
  subscription.group = argv[3];
  subscription.concurrency = 4;

  auto broker = fairlead::Broker::open(config).value();
  auto const running =
      broker->subscribe("reject", [](fairlead::Delivery const&) { return fairlead::reject("card declined"); }).value();
  bool const is_done =
      fairlead::test::eventually([&] { return running.stats().dead_lettered >= count; }, std::chrono::seconds(120));
  broker->close(std::chrono::seconds(20)).value();
  std::cout << "rejected " << running.stats().dead_lettered << '\n';
  return is_done ? 0 : 1;
}
