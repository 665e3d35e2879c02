// Publishes orders: key = user, idempotency key = order id and operation.
//   order_producer --config orders.yaml --count 100000 --users 5000 --rate 0 --out produced.txt
#include "arguments.hpp"
#include "pipeline.hpp"

#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
  Arguments const arguments(
      argc, argv, {{"config", "orders.yaml"}, {"count", "10000"}, {"users", "5000"}, {"rate", "0"}, {"out", ""}});
  auto config = fairlead::load_config(arguments.text("config"));
  if (!config) return std::cerr << config.error().message << '\n', 2;
  auto broker = fairlead::Broker::open(*config);
  if (!broker) return std::cerr << broker.error().message << '\n', 1;

  auto const produced = produce_orders(**broker, arguments.number("count"), static_cast<int>(arguments.number("users")),
                                       arguments.number("rate"));
  std::cerr << "published " << produced.published << " confirmed " << produced.confirmed << " failed "
            << produced.failed << '\n';
  if (!arguments.text("out").empty()) {
    std::ofstream(arguments.text("out")) << produced.published << ' ' << produced.confirmed << ' ' << produced.failed
                                         << ' ' << produced.seconds << '\n';
  }
  return produced.failed == 0 ? 0 : 1;
}
