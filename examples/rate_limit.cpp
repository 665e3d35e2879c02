// A member that begins no more than `rate_limit` handlings a second, so that what it calls is not overrun when there is
// a backlog to work off. The limit is this member's own; the broker keeps what waits.
#include <fairlead/fairlead.hpp>

#include <chrono>
#include <iostream>
#include <latch>

int main() {
  using Clock = std::chrono::steady_clock;
  constexpr int kMessages = 110;
  auto broker = fairlead::Broker::open(fairlead::load_config("practices.yaml").value()).value();
  auto orders = broker->publisher("orders").value();
  for (int i = 0; i < kMessages; ++i) orders.publish("order", {.key = std::to_string(i)}).value();

  std::latch all(kMessages);
  auto const began = Clock::now();
  auto billing = broker
                     ->subscribe("limited",
                                 [&](fairlead::Delivery const&) {
                                   all.count_down();
                                   return fairlead::ack();
                                 })
                     .value();
  all.wait();
  auto const took = std::chrono::duration<double>(Clock::now() - began).count();
  broker->close(std::chrono::seconds(5)).value();
  // A burst of 10 at once, then 200 a second: 100 more take half a second at least.
  std::cout << kMessages << " messages in " << took << " s\n";
  return took >= 0.5 ? 0 : 1;
}
