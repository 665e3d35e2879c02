// Publishes to and consumes from the memory broker in this one process, where members come and go without a good-bye:
//   torture_memory URL CONFIG FOLDER SECONDS [--producers N] [--members N] [--rate N] [--kills N] [--run R] [--seed S]
// In FOLDER it writes what torture_producer and torture_consumer do, `producer-N.ledger` and `member-N.ledger`, and
// `lives`: `NAME killed|drained BEGAN ENDED DRAIN` in nanoseconds. Killed: the broker of that member was closed with no
// time to finish anything.
#include "torture/command_line.hpp"
#include "torture/handling.hpp"
#include "torture/load.hpp"

#include <fairlead/fairlead.hpp>

#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace fairlead::torture {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::string nanos(Clock::time_point time) {
  return std::to_string(std::chrono::nanoseconds(time.time_since_epoch()).count());
}

/// One broker object with one member of the group. What its handlers use outlives them: a member that was killed leaves
/// handlers behind which still run.
class Member {
 public:
  Member(Config const& config, std::string name, std::string const& folder, std::uint32_t run, int seed)
      : name_(std::move(name)), state_(std::make_shared<State>(folder + "/" + name_ + ".ledger", seed)) {
    broker_ = Broker::open(config).value();
    auto handler = [state = state_, run](Delivery const& delivery) {
      state->work(state->no_crash);
      state->ledger.append(line_of(delivery, run));
      ++state->handled;
      return ack();
    };
    subscription_ = std::make_unique<Subscription>(broker_->subscribe("torture", handler).value());
  }

  [[nodiscard]] long handled() const { return state_->handled; }

  /// Its line of `lives`.
  std::string end(std::chrono::milliseconds time, char const* how) {
    auto const ended = Clock::now();
    bool const is_done = broker_->close(time).has_value();
    auto const took = Clock::now() - ended;
    subscription_.reset();
    broker_.reset();
    if (!is_done && std::string_view(how) == "drained") std::cerr << name_ << " did not drain" << std::endl;
    return Ledger::line(name_ + " " + how + " " + nanos(began_) + " " + nanos(ended) + " " +
                        std::to_string(std::chrono::nanoseconds(took).count()));
  }

 private:
  struct State {
    State(std::string const& path, int seed) : ledger(path), work(4000, seed) {}
    Ledger ledger;
    Work work;
    CrashPoint no_crash = CrashPoint::from_environment();
    std::atomic<long> handled{0};
  };

  std::string name_;
  std::shared_ptr<State> state_;
  Clock::time_point began_ = Clock::now();
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<Subscription> subscription_;
};

int run(CommandLine const& line) {
  auto config = load_config(line.value(1)).value();
  config.broker = line.value(0);
  auto const folder = line.value(2);
  auto const run_id = static_cast<std::uint32_t>(line.number_option("run"));
  auto const kills = line.number_option("kills");
  std::mt19937 random(static_cast<unsigned>(line.number_option("seed")));
  auto const owner = Broker::open(config).value();  // the messages end with the last of the brokers
  owner->declare(config.destinations.begin()->first).value();

  std::atomic<bool> is_over{false};
  std::vector<std::thread> producers;
  for (int i = 0; i < line.number_option("producers"); ++i) {
    Load const load{.process = i,
                    .keys = 50,
                    .copies = {},
                    .rate = line.number_option("rate"),
                    .max_body = kMaxBody,
                    .hurried = 5,
                    .run = run_id,
                    .seed = random()};
    producers.emplace_back([&, load] {
      Answers answers(folder + "/producer-" + std::to_string(load.process) + ".ledger");
      auto const broker = Broker::open(config).value();
      auto const publisher = broker->publisher(config.destinations.begin()->first).value();
      auto const invoked = publish(load, publisher, config.publish.deadline, answers, is_over);
      broker->close(60s).value();
      answers.finish(invoked);
    });
  }

  Ledger lives(folder + "/lives");
  int started = 0;
  auto const join = [&] {
    return std::make_unique<Member>(config, "member-" + std::to_string(started++), folder, run_id, started);
  };
  std::vector<std::unique_ptr<Member>> members;
  for (int i = 0; i < line.number_option("members"); ++i) members.push_back(join());
  auto const step = std::chrono::milliseconds(1000 * line.number(3) / (kills + 1));
  for (int i = 0; i <= kills; ++i) {
    std::this_thread::sleep_for(step / 2 + random() % 100 * step / 100);
    auto& member = members[random() % members.size()];
    if (i == kills) break;
    lives.append(member->end(0ms, "killed"));
    member = join();
  }
  is_over = true;
  for (auto& producer : producers) producer.join();

  long handled = -1;
  for (auto quiet_since = Clock::now(); Clock::now() - quiet_since < 2s; std::this_thread::sleep_for(50ms)) {
    long now = 0;
    for (auto const& member : members) now += member->handled();
    if (now != handled) quiet_since = Clock::now();
    handled = now;
  }
  for (auto& member : members) lives.append(member->end(10s, "drained"));
  return 0;
}

}  // namespace
}  // namespace fairlead::torture

int main(int argc, char** argv) {
  try {
    return fairlead::torture::run(
        {argc,
         argv,
         {"URL", "CONFIG", "FOLDER", "SECONDS"},
         {{"kills", "6"}, {"members", "3"}, {"producers", "2"}, {"rate", "1000"}, {"run", "0"}, {"seed", "1"}}});
  } catch (std::exception const& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
