// Eight workers, and still every customer's messages one after the other in publish order: `ordering: key` gives each
// key a queue of its own, and any free worker takes the next key that is ready.
#include <fairlead/fairlead.hpp>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <latch>
#include <map>
#include <mutex>
#include <thread>

int main() {
  constexpr int kCustomers = 20;
  constexpr int kOrders = 50;
  auto broker = fairlead::Broker::open(fairlead::load_config("practices.yaml").value()).value();

  std::mutex mutex;
  std::map<std::string, int> last;  // per customer
  int out_of_order = 0;
  std::atomic<int> running{0};
  std::atomic<int> most_at_once{0};
  std::latch all(kCustomers * kOrders);
  auto billing = broker
                     ->subscribe("ordered",
                                 [&](fairlead::Delivery const& delivery) {
                                   int const now = ++running;
                                   for (int most = most_at_once; most < now;) {
                                     if (most_at_once.compare_exchange_weak(most, now)) break;
                                   }
                                   std::this_thread::sleep_for(std::chrono::microseconds(200));  // the work
                                   {
                                     std::lock_guard const lock(mutex);
                                     int const order = std::stoi(std::string(delivery.payload()));
                                     int& previous = last[std::string(delivery.key())];
                                     if (order != previous + 1) ++out_of_order;
                                     previous = order;
                                   }
                                   --running;
                                   all.count_down();
                                   return fairlead::ack();
                                 })
                     .value();

  auto orders = broker->publisher("orders").value();
  for (int order = 1; order <= kOrders; ++order) {
    for (int customer = 0; customer < kCustomers; ++customer) {
      std::string const key = "customer-" + std::to_string(customer);
      orders.publish_async(std::to_string(order), {.key = key}, [](auto const&) {});
    }
  }
  all.wait();
  broker->close(std::chrono::seconds(5)).value();
  std::cout << "handlers at once: " << most_at_once << ", out of order: " << out_of_order << '\n';
  return out_of_order == 0 && most_at_once > 1 ? 0 : 1;
}
