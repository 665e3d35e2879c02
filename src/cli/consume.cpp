#include "cli/command.hpp"
#include "cli/json_message.hpp"
#include "cli/stop_signal.hpp"

#include <fairlead/broker.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <string>

namespace fairlead::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char const* kSubscription = "fairlead-cli";

/// Writes lines until the count is reached. Thread-safe.
class Printer {
 public:
  Printer(bool json, long count) : json_(json), left_(count), endless_(count == 0) {}

  /// False: the line was not written, and its message must not be settled.
  bool print(Delivery const& delivery) {
    std::string line = json_ ? to_json_line(delivery) : std::string(delivery.payload());
    line.push_back('\n');
    std::lock_guard const lock(mutex_);
    if (broken_ || (!endless_ && left_ == 0)) return false;
    broken_ = std::fwrite(line.data(), 1, line.size(), stdout) != line.size() || std::fflush(stdout) != 0;
    last_ = Clock::now();
    if (broken_ || (!endless_ && --left_ == 0)) StopSignal::raise();
    return !broken_;
  }

  [[nodiscard]] bool is_broken() const {
    std::lock_guard const lock(mutex_);
    return broken_;
  }
  [[nodiscard]] Clock::time_point last() const {
    std::lock_guard const lock(mutex_);
    return last_;
  }

 private:
  bool const json_;
  std::mutex mutable mutex_;
  long left_;
  bool const endless_;
  bool broken_ = false;
  Clock::time_point last_{};
};

/// The configured subscription of this destination and group, if there is one, else a plain one.
SubscriptionConfig make_subscription(Config const& config, ConsumeCommand const& command) {
  SubscriptionConfig subscription;
  for (auto const& [name, configured] : config.subscriptions) {
    if (configured.destination == command.target.destination && configured.group == command.group) {
      subscription = configured;
    }
  }
  subscription.destination = command.target.destination;
  subscription.group = command.group;
  subscription.timeout = std::chrono::hours(24);  // whoever reads our output may take a break
  if (command.concurrency) subscription.concurrency = *command.concurrency;
  if (command.from) subscription.start = *command.from == "latest" ? StartFrom::kLatest : StartFrom::kEarliest;
  if (command.count > 0) {
    // What is printed has to be a prefix of each partition: behind a gap nothing is settled, and comes again.
    if (subscription.ordering == Ordering::kNone) {
      subscription.concurrency = 1;
    } else {
      subscription.ordering = Ordering::kPartition;
    }
    subscription.max_in_flight = static_cast<int>(std::min<long>(subscription.max_in_flight, command.count));
  }
  subscription.max_in_flight = std::max(subscription.max_in_flight, subscription.concurrency);
  return subscription;
}

/// Returns at a signal, at the last line, or after `idle` without a message.
void wait_for_the_end(StopSignal const& signal, Printer const& printer, std::optional<std::chrono::milliseconds> idle) {
  auto const begin = Clock::now();
  for (;;) {
    auto const left = idle ? std::max(begin, printer.last()) + *idle - Clock::now() : std::chrono::hours(24);
    if (left <= Clock::duration::zero() || signal.wait_for(left)) return;
  }
}

}  // namespace

int run_consume(ConsumeCommand const& command) {
  std::optional<std::chrono::milliseconds> idle;
  if (!command.idle_exit.empty()) {
    idle = parse_time(command.idle_exit);
    if (!idle) return report({Errc::kInvalidArgument, "--idle-exit takes a time such as 500ms, 5s or 1m"});
  }
  Target target = command.target;
  target.groups = {command.group};
  auto config = make_config(target);
  if (!config) return report(config.error());
  config->subscriptions[kSubscription] = make_subscription(*config, command);

  StopSignal const signal;
  std::signal(SIGPIPE, SIG_IGN);  // a closed standard output is seen by fwrite
  Printer printer(command.json, command.count);
  auto broker = Broker::open(*std::move(config));
  if (!broker) return report(broker.error());
  auto running = (*broker)->subscribe(kSubscription, [&printer](Delivery const& delivery) {
    // Not printed means not settled: the retry is cut short by the end of the program.
    return printer.print(delivery) ? ack() : retry(std::chrono::hours(1), "not printed");
  });
  if (!running) return report(running.error());
  wait_for_the_end(signal, printer, idle);
  signal.release();
  auto const closed = (*broker)->close(std::chrono::seconds(20));
  if (printer.is_broken()) return report({Errc::kInternal, "cannot write to standard output"});
  return closed ? kOk : report(closed.error());
}

}  // namespace fairlead::cli
