#include <fairlead/fairlead.hpp>
#include <fairlead/json.hpp>

#include <iostream>
#include <latch>

struct Order {
  std::string id, user_id;
  double amount;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, id, user_id, amount)

int main() {
  auto broker = fairlead::Broker::open(fairlead::load_config("orders.yaml").value()).value();

  std::latch charged(1);
  auto billing = broker->subscribe<Order>("billing", [&](Order const& order, fairlead::Delivery const& delivery) {
    std::cout << "charge " << order.user_id << " " << order.amount << " (attempt " << delivery.attempt() << ")\n";
    charged.count_down();
    return fairlead::ack();
  });

  Order const order{"o-1", "ann", 9.5};
  auto orders = broker->publisher<Order>("orders").value();
  auto receipt = orders.publish(order, {.key = order.user_id, .idempotency_key = order.id + ":created"});
  std::cout << "confirmed " << receipt.value().id << "\n";

  charged.wait();
  broker->drain(std::chrono::seconds(5)).value();
}
