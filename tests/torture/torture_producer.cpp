// Publishes COUNT messages (0: until SIGTERM) under KEYS keys, and writes down how each of them ended:
//   torture_producer URL CONFIG LEDGER COUNT KEYS [--process P] [--run R] [--rate N] [--max-body N] [--hurried PERCENT]
//                    [--may-fail 0|1] [--copies-max N] [--seed S]
// Ledger: `confirmed|unknown|not_persisted|unroutable NUMBER KEY BEGIN TIME DEADLINE`, where BEGIN is the steady clock,
// TIME how long it took and DEADLINE how long it may have taken, all in microseconds; at the end `invoked COUNT`.
// NUMBER is the process times 1,000,000,000 and the sequence number; the key carries the process too, as publish order
// is a matter of one process. --rate: messages a second, 0 as fast as the window allows. --hurried: of these the
// deadline is 50 to 500 ms. With --copies-max each of COUNT business keys is published 1 to N times, in random order,
// as messages of their own with the same idempotency key; KEYS has no meaning then.
#include "torture/command_line.hpp"
#include "torture/load.hpp"
#include "torture/patience.hpp"

#include <fairlead/fairlead.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <string>

namespace fairlead::torture {
namespace {

std::atomic<bool> is_told_to_stop{false};

int run(CommandLine const& line) {
  using namespace std::chrono_literals;
  auto config = load_config(line.value(1)).value();
  config.broker = line.value(0);
  Load load{.process = line.number_option("process"),
            .count = static_cast<std::uint64_t>(line.number(3)),
            .keys = line.number(4),
            .copies = {},
            .rate = line.number_option("rate"),
            .max_body = static_cast<std::size_t>(line.number_option("max-body")),
            .hurried = line.number_option("hurried"),
            .run = static_cast<std::uint32_t>(line.number_option("run")),
            .seed = static_cast<std::uint64_t>(line.number_option("seed"))};
  if (auto const copies_max = line.number_option("copies-max"); copies_max > 0) {
    load.copies = plan_copies(line.number(3), copies_max, load.seed);
  }

  Answers answers(line.value(2));
  auto const is_over = [] { return is_told_to_stop.load(); };
  auto const broker = patiently([&] { return Broker::open(config); }, is_over).value();
  auto const& destination = config.destinations.begin()->first;
  auto const publisher = patiently([&] { return broker->publisher(destination); }, is_over).value();
  auto const invoked = publish(load, publisher, config.publish.deadline, answers, is_told_to_stop);
  auto const closed = broker->close(60s);
  auto const failure = answers.finish(invoked);
  closed.value();
  if (failure.empty()) return 0;
  std::cerr << "not confirmed: " << failure << std::endl;
  return line.number_option("may-fail") != 0 ? 0 : 1;
}

}  // namespace
}  // namespace fairlead::torture

int main(int argc, char** argv) {
  std::signal(SIGTERM, [](int) { fairlead::torture::is_told_to_stop = true; });
  try {
    return fairlead::torture::run({argc,
                                   argv,
                                   {"URL", "CONFIG", "LEDGER", "COUNT", "KEYS"},
                                   {{"copies-max", "0"},
                                    {"hurried", "0"},
                                    {"max-body", "0"},
                                    {"may-fail", "0"},
                                    {"process", "0"},
                                    {"rate", "0"},
                                    {"run", "0"},
                                    {"seed", "1"}}});
  } catch (std::exception const& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
