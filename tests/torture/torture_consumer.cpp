// Runs the subscription `torture` of CONFIG until SIGTERM, then drains, and writes down what its handler has done:
//   torture_consumer URL CONFIG LEDGER [--max-handler-us N] [--seed S] [--drain-ms N] [--outcome ack|reject] [--run R]
// Ledger: `NUMBER KEY ATTEMPT REDELIVERED TIME`, after the work and before the outcome; the time is the steady clock in
// nanoseconds, which all processes of the machine share. NUMBER is -1 when the payload is not what was published.
// --run: whose messages these are. Where it kills itself: crash_point.hpp.
#include "torture/command_line.hpp"
#include "torture/handling.hpp"
#include "torture/patience.hpp"

#include <fairlead/fairlead.hpp>

#include <chrono>
#include <csignal>
#include <iostream>

namespace fairlead::torture {
namespace {

bool is_told_to_stop() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) != 0;
}

int run(CommandLine const& line) {
  auto config = load_config(line.value(1)).value();
  config.broker = line.value(0);
  Ledger ledger(line.value(2));
  Work work(line.number_option("max-handler-us"), line.number_option("seed"));
  auto const run_id = static_cast<std::uint32_t>(line.number_option("run"));
  bool const rejects = line.option("outcome") == "reject";

  auto crash_point = CrashPoint::from_environment();
  OpenOptions options;
  if (auto store = crash_point.store()) {
    options.stores["dying"] = std::move(store);
    config.subscriptions.at("torture").idempotency.store = "dying";
  }

  auto const handler = [&](Delivery const& delivery) {
    crash_point.begin();
    work(crash_point);
    ledger.append(line_of(delivery, run_id));
    crash_point.reach(CrashPoint::Place::kAfterEffect);
    crash_point.decided();
    return rejects ? reject("poison") : ack();
  };
  auto opened = patiently([&] { return Broker::open(config, options); }, is_told_to_stop);
  if (!opened && is_told_to_stop()) return 0;
  auto const broker = std::move(opened).value();
  auto started = patiently([&] { return broker->subscribe("torture", handler); }, is_told_to_stop);
  if (!started && is_told_to_stop()) return 0;
  auto const subscription = std::move(started).value();
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
         {{"max-handler-us", "2000"}, {"seed", "1"}, {"drain-ms", "10000"}, {"outcome", "ack"}, {"run", "0"}}});
  } catch (std::exception const& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
