#pragma once

#include "config/plan.hpp"
#include "consume/intake.hpp"
#include "consume/source.hpp"
#include "publish/confirm_window.hpp"
#include "support/fake_sink.hpp"

#include <fairlead/broker.hpp>
#include <fairlead/logger.hpp>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::test {

/// What a fake backend was asked to do, in order: `declare orders`, `open sink orders`, `stop intake`, ... Thread-safe.
class Journal {
 public:
  void write(std::string entry) {
    std::lock_guard const lock(mutex_);
    entries_.push_back(std::move(entry));
    changed_.notify_all();
  }
  [[nodiscard]] std::vector<std::string> entries() const {
    std::lock_guard const lock(mutex_);
    return entries_;
  }
  [[nodiscard]] bool wait_for(std::string const& entry) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return std::find(entries_.begin(), entries_.end(), entry) != entries_.end(); });
  }

 private:
  std::mutex mutable mutex_;
  std::condition_variable mutable changed_;
  std::vector<std::string> entries_;
};

/// A member that delivers what the test hands it; the test's thread stands for the source's own.
class FakeSource final : public Source {
 public:
  FakeSource(std::shared_ptr<Journal> journal, SourceSpec spec_of, Intake& intake)
      : spec(std::move(spec_of)), journal_(std::move(journal)), intake_(intake) {}

  void deliver(std::string_view payload) {
    if (position_ == 0) intake_.open_lane(kLane);
    Inbound& message = intake_.acquire();
    message.lane = kLane;
    message.position = ++position_;
    message.payload = payload;
    InboundList batch;
    batch.push(message);
    intake_.deliver(batch);
  }

  void settle(Lane, std::int64_t position) noexcept override { journal_->write("settle " + std::to_string(position)); }
  void room_available() noexcept override {}
  void stop_intake() noexcept override { journal_->write("stop intake"); }
  Result<void> close(std::chrono::steady_clock::time_point) override {
    journal_->write("close source");
    return {};
  }

  SourceSpec const spec;

 private:
  static constexpr Lane kLane{0, 1};
  std::shared_ptr<Journal> journal_;
  Intake& intake_;
  std::int64_t position_ = 0;
};

class FakeBroker final : public Broker {
 public:
  explicit FakeBroker(Config config, std::shared_ptr<Logger> logger, Capabilities capabilities = abilities())
      : Broker(std::move(config), {.logger = std::move(logger), .stores = {}}, capabilities) {}
  ~FakeBroker() override { (void)close_in_destructor(); }

  static Capabilities abilities() {
    Capabilities can;
    can.system = "fake";
    can.default_window_messages = 100;
    return can;
  }

  std::shared_ptr<Journal> const journal = std::make_shared<Journal>();
  /// Whether its sinks confirm at once, and what its steps answer instead of success; called before the step.
  bool confirms = true;
  std::function<Result<void>(std::string const& step)> interfere;
  std::map<std::string, FakeSink*> sinks;
  FakeSource* source = nullptr;  // the latest

 private:
  Result<void> step(std::string const& name) {
    journal->write(name);
    return interfere ? interfere(name) : Result<void>();
  }
  Result<void> do_declare(DestinationPlan const& plan, std::chrono::steady_clock::time_point) override {
    return step("declare " + plan.name);
  }
  Result<std::unique_ptr<Sink>> do_open_sink(DestinationPlan const& plan,
                                             std::chrono::steady_clock::time_point) override {
    if (auto done = step("open sink " + plan.name); !done) return std::move(done).error();
    auto sink = std::make_unique<FakeSink>(window().shared_from_this());
    sink->confirms = confirms;
    sinks[plan.name] = sink.get();
    return std::unique_ptr<Sink>(std::move(sink));
  }
  Result<std::unique_ptr<Source>> do_open_source(SourceSpec const& spec, Intake& intake,
                                                 std::chrono::steady_clock::time_point) override {
    if (auto done = step("open source " + spec.subscription); !done) return std::move(done).error();
    auto opened = std::make_unique<FakeSource>(journal, spec, intake);
    source = opened.get();
    return std::unique_ptr<Source>(std::move(opened));
  }
  [[nodiscard]] BrokerHealth do_health() const override { return {ConnectionState::kConnected}; }
  Result<void> do_close(std::chrono::steady_clock::time_point) override { return step("close"); }
};

}  // namespace fairlead::test
