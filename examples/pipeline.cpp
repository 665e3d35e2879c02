#include "pipeline.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <set>
#include <thread>

namespace {

using namespace std::chrono_literals;

struct GroupSummary {
  std::size_t handled = 0;  // distinct orders
  std::size_t redelivered = 0;
  std::size_t violations = 0;
  double seconds = 0;
  double p50_ms = 0;
  double p99_ms = 0;
};

GroupSummary summarize(std::vector<Handled> handled) {
  std::stable_sort(handled.begin(), handled.end(),
                   [](Handled const& a, Handled const& b) { return a.handled_us < b.handled_us; });
  GroupSummary summary;
  std::map<std::string, std::set<std::int64_t>> seen;
  std::vector<std::int64_t> latencies;
  for (auto const& order : handled) {
    auto& sequences = seen[order.user_id];
    if (sequences.contains(order.sequence)) {
      ++summary.redelivered;  // at least once: a second delivery is allowed, and counted
      continue;
    }
    if (!sequences.empty() && order.sequence < *sequences.rbegin()) ++summary.violations;
    sequences.insert(order.sequence);
    ++summary.handled;
    latencies.push_back(order.latency_us);
  }
  if (latencies.empty()) return summary;
  std::sort(latencies.begin(), latencies.end());
  auto const quantile = [&](double q) {
    return static_cast<double>(latencies[static_cast<std::size_t>(q * static_cast<double>(latencies.size() - 1))]) /
           1e3;
  };
  summary.p50_ms = quantile(0.5);
  summary.p99_ms = quantile(0.99);
  summary.seconds = static_cast<double>(handled.back().handled_us - handled.front().handled_us) / 1e6;
  return summary;
}

}  // namespace

Produced produce_orders(fairlead::Broker& broker, long count, int users, long rate) {
  auto orders = broker.publisher<Order>("orders").value();
  OrderGenerator generator(users);
  std::atomic<std::int64_t> confirmed{0};
  std::atomic<std::int64_t> failed{0};
  Produced produced;
  auto const begin = std::chrono::steady_clock::now();
  for (; produced.published < count; ++produced.published) {
    if (rate > 0) std::this_thread::sleep_until(begin + produced.published * 1'000'000us / rate);
    auto const order = generator.next();
    orders.publish_async(order, {.key = order.user_id, .idempotency_key = order.id + ":created"},
                         [&](fairlead::Result<fairlead::Receipt> const& result) {
                           if (result) {
                             confirmed.fetch_add(1);
                           } else if (failed.fetch_add(1) == 0) {
                             std::cerr << "publish failed: " << result.error().message << '\n';
                           }
                         });
  }
  if (auto flushed = broker.flush(60s); !flushed) std::cerr << "flush: " << flushed.error().message << '\n';
  produced.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  produced.confirmed = confirmed;
  produced.failed = failed;
  return produced;
}

void HandledLog::add(Order const& order, fairlead::Delivery const& delivery) {
  auto const now = now_us();
  std::lock_guard const lock(mutex_);
  handled_.push_back({order.user_id, order.sequence, now, now - order.created_us, delivery.redelivered()});
}

std::size_t HandledLog::size() const {
  std::lock_guard const lock(mutex_);
  return handled_.size();
}

std::vector<Handled> HandledLog::take() {
  std::lock_guard const lock(mutex_);
  return std::move(handled_);
}

void write_handled(std::string const& path, std::vector<Handled> const& handled) {
  std::ofstream file(path);
  for (auto const& order : handled) {
    file << order.user_id << ' ' << order.sequence << ' ' << order.handled_us << ' ' << order.latency_us << ' '
         << order.redelivered << '\n';
  }
}

std::vector<Handled> read_handled(std::string const& path) {
  std::ifstream file(path);
  std::vector<Handled> handled;
  Handled order;
  while (file >> order.user_id >> order.sequence >> order.handled_us >> order.latency_us >> order.redelivered) {
    handled.push_back(order);
  }
  return handled;
}

bool print_report(std::string const& broker, Produced const& produced,
                  std::map<std::string, std::vector<Handled>> groups) {
  auto const rate = [](double messages, double seconds) { return seconds > 0 ? messages / seconds : 0.0; };
  std::printf("\n  order pipeline on %s\n", broker.c_str());
  std::printf("  published %lld   confirmed %lld   failed %lld   %.0f messages/s confirmed\n\n",
              static_cast<long long>(produced.published), static_cast<long long>(produced.confirmed),
              static_cast<long long>(produced.failed), rate(static_cast<double>(produced.confirmed), produced.seconds));
  std::printf("  %-14s %10s %12s %12s %12s %10s %10s\n", "group", "handled", "redelivered", "out of order",
              "messages/s", "p50 ms", "p99 ms");
  bool good = produced.confirmed == produced.published;
  for (auto& [name, handled] : groups) {
    auto const summary = summarize(std::move(handled));
    std::printf("  %-14s %10zu %12zu %12zu %12.0f %10.1f %10.1f\n", name.c_str(), summary.handled, summary.redelivered,
                summary.violations, rate(static_cast<double>(summary.handled), summary.seconds), summary.p50_ms,
                summary.p99_ms);
    good = good && summary.violations == 0 && static_cast<std::int64_t>(summary.handled) == produced.published;
  }
  std::printf("\n  %s\n\n",
              good ? "every order handled by every group, in order per user" : "NOT every order arrived as promised");
  return good;
}
