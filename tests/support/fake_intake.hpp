#pragma once

#include "consume/intake.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::test {

/// Keeps what a source delivers. Its room and its answer to a revoked lane are the test's to say. Thread-safe.
class FakeIntake final : public Intake {
 public:
  struct Seen {
    Lane lane;
    std::int64_t position;
    std::int32_t partition;
    bool redelivered;
    std::string payload;
    std::string only_group;
  };

  explicit FakeIntake(Room room = {1000, 1'000'000}) : room_(room) {}

  /// Called before a revoked lane is let go of.
  std::function<void(Lane)> on_revoke;

  Room room() noexcept override {
    std::lock_guard const lock(mutex_);
    asked_ = true;
    changed_.notify_all();
    return room_;
  }
  Inbound& acquire() override {
    std::lock_guard const lock(mutex_);
    return nodes_.emplace_back();
  }
  void discard(Inbound&) noexcept override {}
  void deliver(InboundList batch) override {
    std::lock_guard const lock(mutex_);
    while (Inbound* const message = batch.pop()) {
      seen_.push_back({message->lane, message->position, message->partition, message->redelivered,
                       std::string(message->payload), std::string(message->only_group)});
      room_.messages -= 1;
    }
    changed_.notify_all();
  }
  void open_lane(Lane lane) override {
    std::lock_guard const lock(mutex_);
    lanes_.push_back(lane);
    changed_.notify_all();
  }
  void lose_lane(Lane lane) override { close(lane); }
  void revoke_lane(Lane lane, std::chrono::steady_clock::time_point) override {
    if (on_revoke) on_revoke(lane);
    close(lane);
  }
  void report(Error const& error) override {
    std::lock_guard const lock(mutex_);
    problem_ = error;
    reports_.push_back(error);
    changed_.notify_all();
  }
  void recovered() override {
    std::lock_guard const lock(mutex_);
    problem_.reset();
    changed_.notify_all();
  }

  void set_room(Room room) {
    std::lock_guard const lock(mutex_);
    room_ = room;
  }
  [[nodiscard]] std::vector<Seen> seen() const {
    std::lock_guard const lock(mutex_);
    return seen_;
  }
  [[nodiscard]] std::vector<Lane> lanes() const {
    std::lock_guard const lock(mutex_);
    return lanes_;
  }
  /// Everything that was reported.
  [[nodiscard]] std::vector<Error> reports() const {
    std::lock_guard const lock(mutex_);
    return reports_;
  }
  [[nodiscard]] bool wait_for_report(Errc code) {
    return wait([&] { return std::ranges::any_of(reports_, [&](Error const& error) { return error.code == code; }); });
  }
  [[nodiscard]] bool wait_until_recovered() {
    return wait([&] { return !problem_; });
  }
  [[nodiscard]] bool wait_for_messages(std::size_t count) {
    return wait([&] { return seen_.size() >= count; });
  }
  [[nodiscard]] bool wait_for_lanes(std::size_t count) {
    return wait([&] { return lanes_.size() == count; });
  }
  [[nodiscard]] bool wait_until_asked() {
    return wait([&] { return asked_; });
  }
  /// Until the last message is that one, of that epoch or a later one.
  [[nodiscard]] bool wait_until_last(std::uint32_t epoch, std::int64_t position) {
    return wait(
        [&] { return !seen_.empty() && seen_.back().lane.epoch >= epoch && seen_.back().position == position; });
  }
  /// The views into the records that were delivered are let go of.
  void release() {
    std::lock_guard const lock(mutex_);
    for (auto& node : nodes_) node.clear();
  }

 private:
  bool wait(std::function<bool()> const& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }
  void close(Lane lane) {
    std::lock_guard const lock(mutex_);
    std::erase(lanes_, lane);
    changed_.notify_all();
  }

  std::mutex mutable mutex_;
  std::condition_variable changed_;
  Room room_;
  bool asked_ = false;
  std::deque<Inbound> nodes_;
  std::vector<Seen> seen_;
  std::vector<Lane> lanes_;
  std::optional<Error> problem_;
  std::vector<Error> reports_;
};

}  // namespace fairlead::test
