// What the shared consume path costs per message, without any broker: a source made of nothing delivers batches, a
// handler does nothing. For instructions per message count two runs and divide the difference:
//   valgrind --tool=callgrind consume_overhead 100000    and 300000

#include "consume/subscription_core.hpp"

#include <fairlead/logger.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace fairlead;

constexpr std::size_t kBatch = 100;

/// Knows how far it was settled; the main thread waits for it.
struct Progress {
  std::atomic<std::int64_t> settled{0};
};

class EmptySource final : public Source {
 public:
  explicit EmptySource(Progress& progress) : progress_(progress) {}
  void settle(Lane, std::int64_t position) noexcept override {
    auto known = progress_.settled.load(std::memory_order_relaxed);
    while (known < position && !progress_.settled.compare_exchange_weak(known, position)) {
    }
    progress_.settled.notify_one();
  }
  void room_available() noexcept override {}
  void stop_intake() noexcept override {}
  Result<void> close(std::chrono::steady_clock::time_point) override { return {}; }

 private:
  Progress& progress_;
};

class SilentLogger final : public Logger {
 public:
  bool is_enabled(std::string_view, LogLevel level) const noexcept override { return level >= LogLevel::kInfo; }
  void write(LogRecord const&) noexcept override {}
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: consume_overhead MESSAGES [CONCURRENCY [KEYS [trace]]]\n");
    return 2;
  }
  auto const messages = static_cast<std::int64_t>(std::atoll(argv[1]));
  auto const keys = argc > 3 ? std::atoi(argv[3]) : 0;

  Progress progress;
  SubscriptionSetup setup;
  setup.spec.subscription = "bench";
  setup.spec.destination.name = "bench";
  setup.spec.group.name = "bench";
  setup.spec.config.concurrency = argc > 2 ? std::atoi(argv[2]) : 1;
  setup.handler = [](Delivery const&) { return ack(); };
  setup.logger = std::make_shared<SilentLogger>();
  setup.trace = argc > 4 && std::string_view(argv[4]) == "trace";
  auto const core = SubscriptionCore::make(std::move(setup));
  Lane const lane{0, 1};
  Intake& intake = core->intake();
  intake.open_lane(lane);
  core->attach(std::make_unique<EmptySource>(progress)).value();

  std::string const payload(100, 'x');
  std::vector<std::string> names;
  for (int i = 0; i < keys; ++i) names.push_back("user-" + std::to_string(i));
  auto const start = std::chrono::steady_clock::now();
  for (std::int64_t position = 0; position < messages;) {
    auto const settled = progress.settled.load();
    if (position - settled > 800) {
      progress.settled.wait(settled);
      continue;
    }
    InboundList batch;
    while (batch.size < kBatch) {
      Inbound& message = intake.acquire();
      message.lane = lane;
      message.position = ++position;
      message.payload = payload;
      if (keys > 0) message.key = names[static_cast<std::size_t>(position % keys)];
      batch.push(message);
    }
    intake.deliver(batch);
  }
  for (auto settled = progress.settled.load(); settled < messages; settled = progress.settled.load()) {
    progress.settled.wait(settled);
  }
  std::chrono::duration<double, std::nano> const spent = std::chrono::steady_clock::now() - start;
  std::printf("%.0f ns per message\n", spent.count() / static_cast<double>(messages));
  return 0;
}
