#include "cli/command.hpp"
#include "core/text.hpp"

#include <fairlead/broker.hpp>

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <ctime>

#include <chrono>
#include <iostream>
#include <mutex>
#include <string>

namespace fairlead::cli {
namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

ordered_json header_value(std::string_view value) {
  if (is_utf8(value)) return value;
  return {{"base64", base64(value)}};
}

std::string to_json(Delivery const& delivery) {
  ordered_json object;
  object["key"] =
      is_utf8(delivery.key()) ? ordered_json(delivery.key()) : ordered_json({{"base64", base64(delivery.key())}});
  object["headers"] = ordered_json::object();
  for (auto const& header : delivery.headers())
    object["headers"][std::string(header.name)] = header_value(header.value);
  if (is_utf8(delivery.payload())) {
    object["payload"] = delivery.payload();
  } else {
    object["payload"] = base64(delivery.payload());
    object["encoding"] = "base64";
  }
  object["id"] = delivery.id();
  object["partition"] = delivery.partition();
  object["position"] = delivery.position();
  object["attempt"] = delivery.attempt();
  object["timestamp"] =
      std::chrono::duration_cast<std::chrono::milliseconds>(delivery.timestamp().time_since_epoch()).count();
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

/// Writes lines until the count is reached; what comes after is given back to the broker. Thread-safe.
class Printer {
 public:
  Printer(bool json, long count) : json_(json), left_(count), endless_(count == 0) {}

  /// False: the line was not written and the message must not be settled.
  bool print(Delivery const& delivery) {
    std::string line = json_ ? to_json(delivery) : std::string(delivery.payload());
    line.push_back('\n');
    std::lock_guard const lock(mutex_);
    if (broken_ || (!endless_ && left_ == 0)) return false;
    last_ = Clock::now();
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() || std::fflush(stdout) != 0) {
      broken_ = true;
      raise_stop();
      return false;
    }
    if (!endless_ && --left_ == 0) raise_stop();
    return true;
  }

  [[nodiscard]] bool broken() const {
    std::lock_guard const lock(mutex_);
    return broken_;
  }
  [[nodiscard]] Clock::time_point last() const {
    std::lock_guard const lock(mutex_);
    return last_;
  }

 private:
  /// Wakes the main thread, which waits for signals.
  static void raise_stop() { kill(getpid(), SIGTERM); }

  bool const json_;
  std::mutex mutable mutex_;
  long left_;
  bool const endless_;
  bool broken_ = false;
  Clock::time_point last_ = Clock::now();
};

sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed standard output is seen by fwrite
  return signals;
}

/// Returns at SIGINT, SIGTERM, the last line, or after `idle` without a message.
void wait_for_the_end(sigset_t const& signals, Printer const& printer, std::optional<std::chrono::milliseconds> idle) {
  for (;;) {
    if (!idle) {
      int received = 0;
      sigwait(&signals, &received);
      return;
    }
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(printer.last() + *idle - Clock::now());
    if (left.count() <= 0) return;
    timespec const wait{left.count() / 1000, left.count() % 1000 * 1'000'000};
    if (sigtimedwait(&signals, nullptr, &wait) >= 0) return;
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
  if (target.config_file.empty()) target.groups = {command.group};
  auto config = make_config(target);
  if (!config) return report(config.error());
  auto& subscription = config->subscriptions["cli"];
  subscription.destination = target.destination;
  subscription.group = command.group;
  subscription.concurrency = command.concurrency;
  subscription.start = command.from == "latest" ? StartFrom::kLatest : StartFrom::kEarliest;
  for (auto const& [name, configured] : config->subscriptions) {
    // The ordering belongs to the group: its queues are declared with it.
    if (name != "cli" && configured.destination == target.destination && configured.group == command.group) {
      subscription.ordering = configured.ordering;
      subscription.dead_letter = configured.dead_letter;
    }
  }

  sigset_t const signals = block_stop_signals();
  auto broker = Broker::open(*std::move(config));
  if (!broker) return report(broker.error());
  Printer printer(command.json, command.count);
  auto running = (*broker)->subscribe("cli", [&](Delivery const& delivery) {
    // Not printed means not settled: the retry is cut short by the end of the program.
    return printer.print(delivery) ? ack() : retry(std::chrono::hours(1), "not printed");
  });
  if (!running) return report(running.error());
  wait_for_the_end(signals, printer, idle);
  auto const closed = (*broker)->close(std::chrono::seconds(20));
  if (printer.broken()) return report({Errc::kInternal, "cannot write to standard output"});
  return closed ? kOk : report(closed.error());
}

}  // namespace fairlead::cli
