#include "cli/dlq_reading.hpp"

#include "config/plan.hpp"
#include "config/values.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace fairlead::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// A member that was killed keeps its place on Kafka until its session times out.
constexpr auto kTurnPatience = 60s;
constexpr auto kTick = 20ms;
// A handler may be in two publishes, to the group and then to the dead letters: the end waits for both.
constexpr std::chrono::milliseconds kPublishDeadline = 20s;
constexpr auto kEndPatience = 2 * kPublishDeadline + 5s;
// Room for the envelope around the largest message.
constexpr std::size_t kEnvelope = std::size_t{64} << 10;
// Workers wait for confirms; keys keep their order.
constexpr int kWorkers = 64;

/// When there was something to do last. Thread-safe.
class Activity {
 public:
  void begin() {
    std::lock_guard const lock(mutex_);
    ++running_;
  }
  void end(bool was_work) {
    std::lock_guard const lock(mutex_);
    --running_;
    if (was_work) last_ = Clock::now();
  }
  [[nodiscard]] bool is_idle_for(Clock::duration time) const {
    std::lock_guard const lock(mutex_);
    return running_ == 0 && Clock::now() - last_ >= time;
  }

 private:
  std::mutex mutable mutex_;
  int running_ = 0;
  Clock::time_point last_ = Clock::now();
};

}  // namespace

Result<Config> configure_reading(DlqCommand const& command) {
  SubscriptionConfig reader;
  if (!command.rate.empty()) {
    if (auto const expected = parse_value(command.rate, reader.rate_limit)) {
      return Error{Errc::kInvalidArgument, "--rate must be " + *expected};
    }
  }
  Target target = command.target;
  target.groups = {command.group};
  auto config = make_config(target);
  if (!config) return config;
  reader.destination = dead_letter_name(target.destination, command.group);
  reader.group = command.group + ".dlq";
  reader.timeout = 24h;  // whoever reads our output may take a break
  reader.circuit_breaker.budget = 0;
  if (command.looks_only()) {
    reader.ordering = Ordering::kNone;
    reader.max_in_flight = kMostHeld;
    reader.max_in_flight_bytes = 2 * kMostBytesHeld;
  } else {
    reader.concurrency = kWorkers;
  }
  config->subscriptions = {{kDeadLetterReader, reader}};
  config->publish.max_message_bytes += kEnvelope;
  config->publish.deadline = std::min(config->publish.deadline, kPublishDeadline);
  auto const destination = config->destinations.find(target.destination);
  if (destination != config->destinations.end()) destination->second.declare = false;  // a mistyped group makes nothing
  return config;
}

Result<void> read_dead_letters(Broker& broker, StopSignal const& signal, DlqCommand const& command,
                               std::chrono::milliseconds idle, Handler const& handler) {
  Activity activity;
  auto running = broker.subscribe(kDeadLetterReader, [&](Delivery const& delivery) {
    activity.begin();
    auto outcome = handler(delivery);
    activity.end(command.looks_only() || outcome.kind == Outcome::Kind::kAck);
    return outcome;
  });
  if (!running) return std::move(running).error();
  auto const begin = Clock::now();
  auto reads_since = Clock::time_point::max();
  Result<void> result;
  while (!signal.wait_for(kTick)) {
    auto const now = Clock::now();
    if (running->stats().partitions > 0) {
      reads_since = std::min(reads_since, now);
      if (now - reads_since >= idle && activity.is_idle_for(idle)) break;
    } else if (reads_since == Clock::time_point::max() && now - begin >= kTurnPatience) {
      result =
          Error{Errc::kTimeout, "another program reads these dead letters (a `fairlead dlq` of this group?)", true};
      break;
    }
  }
  signal.release();
  auto const stopped = running->stop(kEndPatience);
  return result && !stopped ? stopped : result;
}

Outcome leave_it() { return retry(std::chrono::hours(24 * 365), "left in the dead letters"); }

}  // namespace fairlead::cli
