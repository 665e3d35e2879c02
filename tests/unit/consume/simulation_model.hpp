#pragma once

#include "consume/backlog.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace fairlead::simulation {

/// A promise was broken.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, char const* promise) {
  if (!holds) throw Violation(promise);
}

/// A node as the intake fills it, and where the model thinks it is.
struct Node : Inbound {
  enum class Place { kFree, kRefused, kWaiting, kRunning, kParked, kDone };
  Place place = Place::kFree;
  std::size_t index = 0;  // in its lane's log
  std::string key_bytes;  // what `key` points to; spoilt on release
  std::string order;      // messages with the same one are handled in order; empty: without order
};

/// Lane, epoch, place in the log and key, for the story of a history.
[[nodiscard]] std::string name_of(Node const& node);

/// One partition or queue: what the broker keeps of it, and what the Backlog was given of it in this epoch.
struct LaneModel {
  struct Entry {
    std::string key;
    std::string payload;
    bool was_delivered = false;
    bool was_begun = false;
    bool is_done = false;  // handled, dead-lettered or dropped, at least once
  };
  struct Copy {
    Node* node = nullptr;  // until it is done or dropped
    bool is_done = false;
  };
  std::vector<Entry> log;
  std::size_t settled = 0;  // how many the broker will not deliver again

  bool is_open = false;
  bool is_closing = false;
  std::uint32_t epoch = 0;
  std::size_t base = 0;      // the first one delivered in this epoch
  std::vector<Copy> copies;  // from there on
  std::size_t told = 0;      // copies settled by the Backlog

  /// Copies that are done without a gap.
  [[nodiscard]] std::size_t complete() const noexcept;
  [[nodiscard]] std::size_t unfinished() const noexcept;
};

/// The promises of the Backlog, kept by counting instead of by clever structures. Each event is told to the model
/// before the Backlog acts on it, its effects after.
class Model {
 public:
  Model(Ordering ordering, bool restarts_positions, std::size_t lane_count)
      : lanes(lane_count), ordering_(ordering), restarts_positions_(restarts_positions) {}

  // --- the source ---
  [[nodiscard]] Node& fill(std::int32_t lane, std::uint32_t epoch, std::size_t index);
  void open_lane(std::int32_t lane);
  void close_lane(std::int32_t lane) { lanes[static_cast<std::size_t>(lane)].is_closing = true; }
  void lose_lane(std::int32_t lane);
  /// The broker was told so; it ignores epochs that are over. Answers whether it took it.
  bool settle(Settlement settlement);
  /// The process is gone with everything in it.
  void crash();

  // --- the workers ---
  void begin(Node& node);
  void finish(Node& node);
  void park(Node& node, bool was_kept);
  void release_due(Backlog::Clock::time_point now);

  /// Checks effects, takes the nodes back; `when_settled` gets the settlements.
  void absorb(Effects& effects, std::function<void(Settlement)> const& when_settled);
  /// Compares everything that can be asked.
  void check(Backlog& backlog) const;
  /// A lane that was closed just now has dropped all it could.
  void check_closed(LaneModel const& lane) const;
  /// What was handled in this epoch is settled.
  void check_clean(LaneModel const& lane) const;

  [[nodiscard]] bool is_current(Node const& node) const noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept;
  /// How many may be begun at once, as long as no worker holds any that it has not begun.
  [[nodiscard]] std::size_t ready() const;

  std::vector<LaneModel> lanes;

 private:
  /// Offsets with gaps, or delivery tags that count from 1 in each epoch.
  [[nodiscard]] std::int64_t position_of(LaneModel const& lane, std::size_t index) const noexcept;
  [[nodiscard]] LaneModel& lane_of(Node const& node) noexcept { return lanes[static_cast<std::size_t>(node.lane.id)]; }
  void release(Node& node);

  Ordering ordering_;
  bool restarts_positions_;
  std::deque<Node> nodes_;
  std::map<std::string, Node const*, std::less<>> active_;  // by order: the one that runs or waits for its retry
  std::uint64_t received_ = 0;
  std::uint64_t redelivered_ = 0;
  std::uint64_t stale_ = 0;
};

}  // namespace fairlead::simulation
