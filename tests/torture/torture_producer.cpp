// Publishes COUNT messages under KEYS keys through a full window, and writes down how each of them ended:
//   torture_producer URL CONFIG LEDGER COUNT KEYS [--copies-max N] [--seed S]
// The payload is the sequence number. Ledger: `confirmed|unknown|not_persisted|unroutable NUMBER KEY`.
// With --copies-max each of COUNT business keys is published 1 to N times, in random order, as messages of their own
// with the same idempotency key; KEYS has no meaning then.
#include "torture/command_line.hpp"
#include "torture/ledger.hpp"

#include <fairlead/fairlead.hpp>

#include <algorithm>
#include <iostream>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace fairlead::torture {
namespace {

/// Confirms come in bursts: their lines are written together.
class Answers {
 public:
  explicit Answers(std::string const& path) : ledger_(path) {}

  void add(Result<Receipt> const& result, std::size_t number, std::string const& key) {
    std::string text(to_string(publish_status(result)));
    std::lock_guard const lock(mutex_);
    if (!result && first_failure_.empty()) first_failure_ = result.error().message;
    lines_ += Ledger::line(text.append(" ").append(std::to_string(number)).append(" ").append(key));
    if (lines_.size() >= kWriteBytes) write();
  }

  /// Why the first of those that were not confirmed failed; empty when all were.
  std::string finish() {
    std::lock_guard const lock(mutex_);
    write();
    return first_failure_;
  }

 private:
  static constexpr std::size_t kWriteBytes = 100 * Ledger::kLineBytes;

  void write() {
    if (!lines_.empty()) ledger_.append(lines_);
    lines_.clear();
  }

  Ledger ledger_;
  std::mutex mutex_;
  std::string lines_;
  std::string first_failure_;
};

/// The key of each message, in publish order.
std::vector<std::string> plan_keys(int count, int keys, int copies_max, std::mt19937_64& random) {
  std::vector<std::string> planned;
  if (copies_max == 0) {
    std::uniform_int_distribution<int> any(0, keys - 1);
    for (int i = 0; i < count; ++i) planned.push_back("k" + std::to_string(any(random)));
    return planned;
  }
  std::uniform_int_distribution<int> copies(1, copies_max);
  for (int i = 0; i < count; ++i) {
    planned.insert(planned.end(), static_cast<std::size_t>(copies(random)), "b" + std::to_string(i));
  }
  std::shuffle(planned.begin(), planned.end(), random);
  return planned;
}

int run(CommandLine const& line) {
  using namespace std::chrono_literals;
  auto config = load_config(line.value(1)).value();
  config.broker = line.value(0);
  auto const copies_max = line.number_option("copies-max");
  std::mt19937_64 random(static_cast<std::uint64_t>(line.number_option("seed")));
  auto const keys = plan_keys(line.number(3), line.number(4), copies_max, random);

  Answers answers(line.value(2));
  auto broker = Broker::open(config).value();
  auto publisher = broker->publisher(config.destinations.begin()->first).value();
  for (std::size_t number = 0; number < keys.size(); ++number) {
    PublishOptions options{.key = keys[number]};
    if (copies_max > 0) options.idempotency_key = keys[number];
    publisher.publish_async(std::to_string(number), options, [&answers, &keys, number](auto const& result) {
      answers.add(result, number, keys[number]);
    });
  }
  broker->close(60s).value();
  auto const failure = answers.finish();
  if (failure.empty()) return 0;
  std::cerr << "not confirmed: " << failure << std::endl;
  return 1;
}

}  // namespace
}  // namespace fairlead::torture

int main(int argc, char** argv) {
  try {
    return fairlead::torture::run(
        {argc, argv, {"URL", "CONFIG", "LEDGER", "COUNT", "KEYS"}, {{"copies-max", "0"}, {"seed", "1"}}});
  } catch (std::exception const& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
