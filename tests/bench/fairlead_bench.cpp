// The same work through Fairlead, on whichever broker the URL names.
//   fairlead_bench declare|publish|consume url=U destination=D count=N size=S [stamped=1] [partitions=P] [group=G]
//                                     [window=W]
#include "measure.hpp"

#include <fairlead/fairlead.hpp>

#include <atomic>
#include <semaphore>

namespace {

using namespace std::chrono_literals;

void publish(fairlead::Broker& broker, std::string const& destination, long count, std::size_t size) {
  auto publisher = broker.publisher(destination).value();
  auto const payload = bench::payload(size);
  publisher.publish(payload).value();

  std::atomic<long> confirmed{0};
  bench::Stopwatch watch;
  watch.start();
  for (long sent = 0; sent < count; ++sent) {
    publisher.publish_async(payload, {}, [&confirmed](fairlead::Result<fairlead::Receipt> const& result) {
      if (!result) bench::fail(result.error().message);
      confirmed.fetch_add(1, std::memory_order_relaxed);
    });
  }
  publisher.flush(60s).value();
  if (confirmed.load() != count) bench::fail("flush returned before every publish was confirmed");
  watch.report("fairlead", count, static_cast<long>(size));
}

void consume(fairlead::Broker& broker, long count, std::size_t size) {
  std::atomic<long> handled{0};
  std::binary_semaphore finished{0};
  bench::Stopwatch watch;
  auto subscription = broker
                          .subscribe("bench",
                                     [&](fairlead::Delivery const&) {
                                       long const before = handled.fetch_add(1, std::memory_order_relaxed);
                                       if (before == 0) watch.start();
                                       if (before + 1 == count) finished.release();
                                       return fairlead::ack();
                                     })
                          .value();
  if (!finished.try_acquire_for(120s)) bench::fail("handled only " + std::to_string(handled.load()));
  watch.report("fairlead", count, static_cast<long>(size));
  subscription.stop(10s).value();
}

}  // namespace

int main(int argc, char** argv) {
  std::string const what = argc > 1 ? argv[1] : "";
  auto const destination = bench::argument(argc, argv, "destination", "bench");
  auto const group = bench::argument(argc, argv, "group", "bench");
  long const count = bench::number(argc, argv, "count", 100'000);
  auto const size = static_cast<std::size_t>(bench::number(argc, argv, "size", 100));
  bool const stamped = bench::number(argc, argv, "stamped", 0) != 0;

  fairlead::Config config;
  config.broker = bench::argument(argc, argv, "url", "memory://bench");
  config.log.level = fairlead::LogLevel::kWarn;
  auto& settings = config.destinations[destination];
  settings.partitions = static_cast<int>(bench::number(argc, argv, "partitions", 1));
  settings.groups = {bench::argument(argc, argv, "declare_group", group)};
  settings.message_ids = stamped;
  settings.trace = stamped;
  auto& subscription = config.subscriptions["bench"];
  subscription.destination = destination;
  subscription.group = group;
  config.publish.window_messages = static_cast<int>(bench::number(argc, argv, "window", 0));
  subscription.max_in_flight = static_cast<int>(bench::number(argc, argv, "max_in_flight", 1000));

  auto broker = fairlead::Broker::open(config).value();
  if (what == "declare") {
    broker->declare(destination).value();
  } else if (what == "publish") {
    publish(*broker, destination, count, size);
  } else if (what == "consume") {
    consume(*broker, count, size);
  } else {
    bench::fail("usage: fairlead_bench declare|publish|consume url=U destination=D count=N size=S [stamped=1]");
  }
  broker->close(10s).value();
}
