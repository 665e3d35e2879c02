// A consumer that dies: handles `count` messages, writes the payload of each to its output, and leaves the process in
// the middle of the next one without any goodbye.
//   crash_consumer URL_VARIABLE DESTINATION GROUP PARTITIONS COUNT [SETTLE_INTERVAL_MS]
// With an interval, settlements are not sent before it is over, however many they are.

#include <fairlead/fairlead.hpp>

#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (argc != 6 && argc != 7) return 2;
  char const* const url = std::getenv(argv[1]);
  if (url == nullptr) return 2;
  std::string const destination = argv[2];
  int const count = std::stoi(argv[5]);

  fairlead::Config config;
  config.broker = url;
  config.log.level = fairlead::LogLevel::kWarn;
  config.kafka.conf["session.timeout.ms"] = "6000";
  config.destinations[destination].partitions = std::stoi(argv[4]);
  auto& subscription = config.subscriptions["doomed"];
  subscription.destination = destination;
  subscription.group = argv[3];
  if (argc == 7) subscription.settle = {1'000'000, std::chrono::milliseconds(std::stoi(argv[6]))};

  auto broker = fairlead::Broker::open(config).value();
  int handled = 0;
  auto running = broker
                     ->subscribe("doomed",
                                 [&](fairlead::Delivery const& delivery) {
                                   if (handled == count) {
                                     // What is settled too early shall have the time to get there.
                                     if (argc == 7) std::this_thread::sleep_for(200ms);
                                     ::_exit(0);
                                   }
                                   ++handled;
                                   std::cout << delivery.payload() << std::endl;  // flushed: nothing is after _exit
                                   return fairlead::ack();
                                 })
                     .value();

  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable().wait_for(lock, 60s);
  return 3;  // too few messages came
}
