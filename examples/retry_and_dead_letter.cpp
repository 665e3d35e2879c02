// What failure means, on every broker: attempts in place with growing random delays, where only the messages of that
// key wait; then one attempt after each tier, which the broker keeps; then the dead letter, with the reason. A message
// that can never succeed is rejected and goes there at once. `fairlead dlq redrive` brings dead letters back to the
// handler.
#include <fairlead/fairlead.hpp>

#include <algorithm>
#include <iostream>
#include <latch>
#include <mutex>
#include <string>
#include <vector>

int main() {
  auto broker = fairlead::Broker::open(fairlead::load_config("practices.yaml").value()).value();

  std::mutex mutex;
  std::vector<std::string> attempts;
  std::latch ended(3);
  auto billing =
      broker
          ->subscribe("patient",
                      [&](fairlead::Delivery const& delivery) {
                        std::lock_guard const lock(mutex);
                        attempts.push_back(std::string(delivery.payload()) + "#" + std::to_string(delivery.attempt()));
                        if (delivery.payload() == "nonsense") return fairlead::reject("not an order");
                        // Works again after a while, or would have: three times is enough for `late`.
                        if (delivery.payload() == "late" && delivery.attempt() == 3) {
                          ended.count_down();
                          return fairlead::ack();
                        }
                        return fairlead::retry("the ledger is down");
                      })
          .value();
  auto dead = broker
                  ->subscribe("dead",
                              [&](fairlead::Delivery const& letter) {
                                std::lock_guard const lock(mutex);
                                std::cout << "dead letter: " << letter.payload() << " after "
                                          << letter.header("fairlead-attempts").value_or("?")
                                          << " attempt(s): " << letter.header("fairlead-error").value_or("?") << '\n';
                                ended.count_down();
                                return fairlead::ack();
                              })
                  .value();

  auto orders = broker->publisher("orders").value();
  for (std::string const payload : {"nonsense", "late", "hopeless"}) orders.publish(payload, {.key = payload}).value();

  ended.wait();
  broker->close(std::chrono::seconds(5)).value();
  auto const count = [&](std::string const& which) { return std::count(attempts.begin(), attempts.end(), which); };
  bool const is_exact =
      attempts.size() == 1 + 3 + 4 && count("nonsense#1") == 1 && count("late#3") == 1 && count("hopeless#4") == 1;
  std::cout << attempts.size() << " attempts\n";
  return is_exact ? 0 : 1;
}
