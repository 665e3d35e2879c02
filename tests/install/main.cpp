#include <fairlead/fairlead.hpp>

#include <iostream>
#include <latch>

int main() {
  using namespace std::chrono_literals;
  fairlead::Config config;
  config.broker = "memory://install";
  config.destinations["orders"].groups = {"billing"};
  config.subscriptions["billing"].destination = "orders";
  config.subscriptions["billing"].group = "billing";
  auto broker = fairlead::Broker::open(config).value();

  std::latch handled(1);
  auto subscription = broker
                          ->subscribe("billing",
                                      [&](fairlead::Delivery const& delivery) {
                                        std::cout << "handled " << delivery.payload() << '\n';
                                        handled.count_down();
                                        return fairlead::ack();
                                      })
                          .value();
  auto publisher = broker->publisher("orders").value();
  publisher.publish("an order", {.key = "ann"}).value();
  handled.wait();
  broker->close(5s).value();

  // Needs what the stores are built on, also where nothing else does.
  auto const store = fairlead::open_idempotency_store("memory:").value();
  store->claim({"install", "1"}, "ann", 1s).value();
  std::cout << "fairlead " << fairlead::version() << ", librdkafka " << fairlead::kafka_client_version()
            << ", rabbitmq-c " << fairlead::amqp_client_version() << '\n';
}
