#include "torture/load.hpp"

#include "torture/payload.hpp"

#include <algorithm>
#include <random>
#include <thread>

namespace fairlead::torture {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kNumbersOfProcess = 1'000'000'000;

std::string micros(Clock::duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

/// Keeps to a rate, and does not make up for more than a moment that was lost.
class Pace {
 public:
  explicit Pace(int per_second) : step_(per_second == 0 ? 0ns : std::chrono::nanoseconds(1s) / per_second) {}

  void wait() {
    if (step_ == 0ns) return;
    next_ = std::max(next_ + step_, Clock::now() - 100ms);
    std::this_thread::sleep_until(next_);
  }

 private:
  std::chrono::nanoseconds step_;
  Clock::time_point next_ = Clock::now();
};

}  // namespace

Answers::Answers(std::string const& path)
    : ledger_(path), writer_([this](std::stop_token const& stop) { write_until(stop); }) {}

void Answers::add(Result<Receipt> const& result, Publish const& publish) {
  auto const time = Clock::now() - publish.begin;
  std::string text(to_string(publish_status(result)));
  text.append(" ").append(std::to_string(publish.number)).append(" ").append(publish.key);
  text.append(" ").append(micros(publish.begin.time_since_epoch())).append(" ").append(micros(time));
  text.append(" ").append(micros(publish.deadline));
  text.append(" ").append(std::to_string(result ? result->partition : -1));
  text.append(" ").append(std::to_string(result ? result->position : -1));
  std::lock_guard const lock(mutex_);
  if (!result && first_failure_.empty()) first_failure_ = result.error().message;
  lines_ += Ledger::line(text);
}

std::string Answers::finish(std::uint64_t invoked) {
  writer_.request_stop();
  writer_.join();
  write();
  ledger_.append(Ledger::line("invoked " + std::to_string(invoked)));
  std::lock_guard const lock(mutex_);
  return first_failure_;
}

void Answers::write_until(std::stop_token const& stop) {
  while (!stop.stop_requested()) {
    write();
    std::this_thread::sleep_for(10ms);
  }
}

void Answers::write() {
  std::string lines;
  {
    std::lock_guard const lock(mutex_);
    lines.swap(lines_);
  }
  if (!lines.empty()) ledger_.append(lines);
}

std::vector<std::string> plan_copies(int count, int copies_max, std::uint64_t seed) {
  std::vector<std::string> planned;
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<int> copies(1, copies_max);
  for (int i = 0; i < count; ++i) {
    planned.insert(planned.end(), static_cast<std::size_t>(copies(random)), "b" + std::to_string(i));
  }
  std::shuffle(planned.begin(), planned.end(), random);
  return planned;
}

std::uint64_t publish(Load const& load, Publisher publisher, std::chrono::milliseconds deadline, Answers& answers,
                      std::atomic<bool> const& is_told_to_stop) {
  std::mt19937_64 random(load.seed);
  std::uniform_int_distribution<int> any_key(0, std::max(load.keys - 1, 0)), percent(0, 99), hurry(50, 500);
  auto const first = kNumbersOfProcess * static_cast<std::uint64_t>(load.process);
  auto const prefix = "p" + std::to_string(load.process) + "-k";
  auto const planned = load.copies.empty() ? load.count : load.copies.size();
  Pace pace(load.rate);
  std::uint64_t sequence = 0;
  for (; !is_told_to_stop && (planned == 0 || sequence < planned); ++sequence) {
    Publish publish{.number = first + sequence,
                    .key = load.copies.empty() ? prefix + std::to_string(any_key(random)) : load.copies[sequence],
                    .begin = {},
                    .deadline = deadline};
    if (percent(random) < load.hurried) publish.deadline = std::chrono::milliseconds(hurry(random));
    auto const payload = encode({load.run, publish.number}, body_size(publish.number, load.max_body));
    PublishOptions options{.key = publish.key, .deadline = publish.deadline};
    if (!load.copies.empty()) options.idempotency_key = publish.key;
    pace.wait();
    publish.begin = Clock::now();
    publisher.publish_async(payload, options,
                            [&answers, publish](auto const& result) { answers.add(result, publish); });
  }
  return sequence;
}

}  // namespace fairlead::torture
