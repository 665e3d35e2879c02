// One member of a group: handles orders until it was idle for a while, or until SIGTERM, and writes what it handled.
//   order_consumer --config orders.yaml --group billing --idle-ms 3000 --out billing.1.txt
#include "arguments.hpp"
#include "pipeline.hpp"

#include <csignal>
#include <ctime>
#include <iostream>

int main(int argc, char** argv) {
  Arguments const arguments(argc, argv,
                            {{"config", "orders.yaml"}, {"group", "billing"}, {"idle-ms", "3000"}, {"out", ""}});
  // Block the signals before any thread starts, so that only sigtimedwait below sees them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  auto config = fairlead::load_config(arguments.text("config"));
  if (!config) return std::cerr << config.error().message << '\n', 2;
  auto broker = fairlead::Broker::open(*config);
  if (!broker) return std::cerr << broker.error().message << '\n', 1;

  HandledLog log;
  auto subscription = (*broker)->subscribe<Order>(
      arguments.text("group"),
      [&](Order const& order, fairlead::Delivery const& delivery) { log.add(order, delivery); });
  if (!subscription) return std::cerr << subscription.error().message << '\n', 1;
  std::cerr << arguments.text("group") << " is ready\n";

  // A member that has handled nothing yet waits longer: it may be the one that stands by for the others.
  long const idle = arguments.number("idle-ms");
  auto const wait_for_signal = [&](long milliseconds) {
    timespec const period{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
    return sigtimedwait(&stop_signals, nullptr, &period) >= 0;
  };
  int quiet_periods = 0;
  for (std::size_t before = 0; !wait_for_signal(idle);) {
    std::size_t const now = log.size();
    quiet_periods = now == before ? quiet_periods + 1 : 0;
    if (quiet_periods >= (now > 0 ? 1 : 8)) break;
    before = now;
  }
  auto const closed = (*broker)->close(std::chrono::seconds(20));
  if (!closed) std::cerr << "close: " << closed.error().message << '\n';
  auto const handled = log.take();
  std::cerr << arguments.text("group") << " handled " << handled.size() << '\n';
  if (!arguments.text("out").empty()) write_handled(arguments.text("out"), handled);
  return closed ? 0 : 1;
}
