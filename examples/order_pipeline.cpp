// The whole pipeline in one process: a producer, two billing members, shipping and notification.
//   order_pipeline --config orders.yaml --count 100000 --users 5000
#include "arguments.hpp"
#include "pipeline.hpp"

#include <iostream>
#include <thread>

int main(int argc, char** argv) {
  Arguments const arguments(argc, argv, {{"config", "orders.yaml"}, {"count", "10000"}, {"users", "5000"}});
  auto config = fairlead::load_config(arguments.text("config"));
  if (!config) return std::cerr << config.error().message << '\n', 2;
  auto opened = fairlead::Broker::open(*config);
  if (!opened) return std::cerr << opened.error().message << '\n', 1;
  auto& broker = **opened;

  std::map<std::string, HandledLog> logs;
  std::vector<fairlead::Subscription> members;
  for (std::string const group : {"billing", "billing", "shipping", "notification"}) {
    auto& log = logs[group];
    auto member = broker.subscribe<Order>(
        group, [&log](Order const& order, fairlead::Delivery const& delivery) { log.add(order, delivery); });
    if (!member) return std::cerr << member.error().message << '\n', 1;
    members.push_back(*std::move(member));
  }

  auto const produced =
      produce_orders(broker, arguments.number("count"), static_cast<int>(arguments.number("users")), 0);
  auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  auto const all_handled = [&] {
    for (auto const& [group, log] : logs) {
      if (log.size() < static_cast<std::size_t>(produced.confirmed)) return false;
    }
    return true;
  };
  while (!all_handled() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (auto drained = broker.drain(std::chrono::seconds(10)); !drained) std::cerr << drained.error().message << '\n';

  std::map<std::string, std::vector<Handled>> groups;
  for (auto& [group, log] : logs) groups[group] = log.take();
  return print_report(fairlead::redacted_url(config->broker), produced, std::move(groups)) ? 0 : 1;
}
