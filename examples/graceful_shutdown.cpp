// A consumer that ends as an orchestrator wants it to: SIGTERM stops intake at once, running handlers finish, what they
// did is settled, and the process leaves within its deadline. Nothing that was handled comes again.
#include <fairlead/fairlead.hpp>

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>

int main() {
  using namespace std::chrono_literals;
  // Only because this program sends the signal itself, perhaps before it waits: blocked, it stays until then.
  sigset_t early;
  sigemptyset(&early);
  sigaddset(&early, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &early, nullptr);

  auto broker = fairlead::Broker::open(fairlead::load_config("practices.yaml").value()).value();
  std::atomic<int> handled{0};
  auto subscription = broker
                          ->subscribe("stopping",
                                      [&](fairlead::Delivery const&) {
                                        // Here the orchestrator is the program itself, half way through.
                                        if (++handled == 500) kill(getpid(), SIGTERM);
                                        return fairlead::ack();
                                      })
                          .value();
  auto publisher = broker->publisher("orders").value();
  for (int i = 0; i < 1'000; ++i) publisher.publish_async("order", {}, [](auto const&) {});

  fairlead::run_until_signal(*broker, 25s).value();  // below the 30 s that Kubernetes grants
  auto const stats = subscription.stats();
  std::cout << "handled " << handled << ", settled " << stats.handled << ", in flight " << stats.in_flight << '\n';
  return stats.handled == static_cast<std::uint64_t>(handled) && stats.in_flight == 0 ? 0 : 1;
}
