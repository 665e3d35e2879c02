// A consumer that ends as an orchestrator wants it to: SIGTERM stops intake at once, running handlers finish, what they
// did is settled, and the process leaves within its deadline. Nothing that was handled comes again.
#include <fairlead/fairlead.hpp>

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>

int main() {
  using namespace std::chrono_literals;
  // Block the signals before any thread starts, so that only sigwait below sees them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  auto broker = fairlead::Broker::open(fairlead::load_config("orders.yaml").value()).value();
  std::atomic<int> handled{0};
  auto subscription = broker
                          ->subscribe("billing",
                                      [&](fairlead::Delivery const&) {
                                        // Here the orchestrator is the program itself, half way through.
                                        if (++handled == 500) kill(getpid(), SIGTERM);
                                        return fairlead::ack();
                                      })
                          .value();
  auto publisher = broker->publisher("orders").value();
  for (int i = 0; i < 1'000; ++i) publisher.publish_async("order", {}, [](auto const&) {});

  int signal = 0;
  sigwait(&stop_signals, &signal);
  broker->close(25s).value();  // below the 30 s that Kubernetes grants
  auto const stats = subscription.stats();
  std::cout << "handled " << handled << ", settled " << stats.handled << ", in flight " << stats.in_flight << '\n';
  return stats.handled == static_cast<std::uint64_t>(handled) && stats.in_flight == 0 ? 0 : 1;
}
