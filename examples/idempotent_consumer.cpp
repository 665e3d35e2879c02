// Every business effect happens once, however often its message comes: publishers retry, brokers redeliver, people
// press the button twice. The key names the effect, here order number and operation; the store remembers which
// happened.
#include <fairlead/fairlead.hpp>

#include <atomic>
#include <iostream>
#include <thread>

int main() {
  auto broker = fairlead::Broker::open(fairlead::load_config("practices.yaml").value()).value();

  std::atomic<int> charged{0};
  auto billing = broker
                     ->subscribe("idempotent",
                                 [&](fairlead::Delivery const& delivery) {
                                   ++charged;
                                   std::cout << "charge once: " << delivery.idempotency_key() << '\n';
                                   return fairlead::ack();
                                 })
                     .value();

  auto orders = broker->publisher("orders").value();
  for (int copy = 0; copy < 3; ++copy) {
    for (int order = 1; order <= 5; ++order) {
      std::string const effect = "order-" + std::to_string(order) + ":charge";
      orders.publish("9.50", {.key = "ann", .idempotency_key = effect}).value();
    }
  }

  while (billing.stats().handled + billing.stats().duplicates < 15) std::this_thread::yield();
  broker->close(std::chrono::seconds(5)).value();
  auto const stats = billing.stats();
  std::cout << "handled " << stats.handled << ", duplicates " << stats.duplicates << '\n';
  return charged == 5 && stats.handled == 5 && stats.duplicates == 10 ? 0 : 1;
}
