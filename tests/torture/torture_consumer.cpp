// Runs the subscription `torture` of CONFIG until SIGTERM, then drains, and writes down what its handler has done:
//   torture_consumer URL CONFIG LEDGER [--max-handler-us N] [--seed S] [--drain-ms N] [--outcome ack|reject]
// Ledger: `NUMBER KEY ATTEMPT REDELIVERED TIME`, after the work and before the outcome; the time is the steady clock in
// nanoseconds, which all processes of the machine share.
#include "torture/command_line.hpp"
#include "torture/ledger.hpp"

#include <fairlead/fairlead.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <random>
#include <string>
#include <thread>

namespace fairlead::torture {
namespace {

/// What a handler would do: it takes a random time.
class Work {
 public:
  Work(int max_us, int seed) : max_us_(max_us), seed_(static_cast<std::uint64_t>(seed) << 16) {}

  void operator()() {
    thread_local std::mt19937_64 random(seed_ + workers_++);
    std::uniform_int_distribution<int> time(0, max_us_);
    std::this_thread::sleep_for(std::chrono::microseconds(time(random)));
  }

 private:
  int max_us_;
  std::uint64_t seed_;
  std::atomic<std::uint64_t> workers_{0};
};

std::string line_of(Delivery const& delivery) {
  auto const now = std::chrono::steady_clock::now().time_since_epoch();
  std::string text(delivery.payload());
  text.append(" ").append(delivery.key());
  text.append(" ").append(std::to_string(delivery.attempt()));
  text.append(delivery.redelivered() ? " 1 " : " 0 ");
  text.append(std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()));
  return Ledger::line(text);
}

int run(CommandLine const& line) {
  auto config = load_config(line.value(1)).value();
  config.broker = line.value(0);
  Ledger ledger(line.value(2));
  Work work(line.number_option("max-handler-us"), line.number_option("seed"));
  bool const rejects = line.option("outcome") == "reject";

  auto broker = Broker::open(config).value();
  auto subscription = broker
                          ->subscribe("torture",
                                      [&](Delivery const& delivery) {
                                        work();
                                        ledger.append(line_of(delivery));
                                        return rejects ? reject("poison") : ack();
                                      })
                          .value();
  run_until_signal(*broker, std::chrono::milliseconds(line.number_option("drain-ms"))).value();
  auto const stats = subscription.stats();
  if (stats.in_flight == 0) return 0;
  std::cerr << stats.in_flight << " messages were in flight after the drain" << std::endl;
  return 1;
}

}  // namespace
}  // namespace fairlead::torture

int main(int argc, char** argv) {
  sigset_t stop_signals;  // one that comes early waits for run_until_signal
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  try {
    return fairlead::torture::run(
        {argc,
         argv,
         {"URL", "CONFIG", "LEDGER"},
         {{"max-handler-us", "2000"}, {"seed", "1"}, {"drain-ms", "10000"}, {"outcome", "ack"}}});
  } catch (std::exception const& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
