#pragma once

#include "consume/backlog.hpp"
#include "consume/claimed_batch.hpp"
#include "unit/consume/simulation_model.hpp"

#include <fairlead/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <ostream>
#include <random>
#include <string>
#include <vector>

namespace fairlead::simulation {

enum class SourceKind {
  kLog,    ///< offsets that stay, bounded by the Intake's room
  kQueue,  ///< delivery tags that begin at 1 in each epoch, bounded by a prefetch of its own
};

/// One life of a subscription: a Backlog, its source and its workers, in an order that the seed decides. The same seed
/// is the same life.
class History {
 public:
  /// What happens is told to `story`, unless it is null.
  History(SourceKind kind, Ordering ordering, std::uint64_t seed, std::ostream* story);

  /// Throws Violation.
  void run();

 private:
  struct Worker {
    ClaimedBatch batch;
    Node* current = nullptr;
    std::size_t unclaimed = 0;
  };

  // --- what can happen ---
  void step();
  void arrive();
  void deliver(std::int32_t lane);
  void deliver_late();
  void work(Worker& worker);
  void relieve(Worker& worker);
  void relieve_all();
  void end_dead_letter();
  void let_time_pass();
  void settle_one();
  void open_lane(std::int32_t lane);
  void lose_lane(std::int32_t lane);
  void revoke(std::int32_t lane);
  void end_revoke(std::int32_t lane);
  void close_intake();
  void end_drain();
  void crash();

  // --- the end of a history ---
  void drain_cleanly();
  void heal();
  /// A round in which nothing fails. False when there was nothing left to do.
  void pass_smoothly();
  [[nodiscard]] bool is_whole() const;

  // --- as Consumption and Worker do it ---
  void exchange(Worker& worker);
  void collect(Worker& worker);
  [[nodiscard]] Fate work_on(Node& node);
  [[nodiscard]] Fate forward(Node& node);
  void park(Node& node, Backlog::Clock::time_point due);
  void flush(std::int32_t lane);
  void check();
  /// No worker holds a message that it has not begun.
  [[nodiscard]] bool is_all_begun() const noexcept;

  [[nodiscard]] std::size_t pick(std::size_t below) { return static_cast<std::size_t>(random_() % below); }
  [[nodiscard]] bool chance(std::size_t percent) { return pick(100) < percent; }
  [[nodiscard]] std::int32_t any_lane() { return static_cast<std::int32_t>(pick(model_.lanes.size())); }
  [[nodiscard]] LaneModel& lane(std::int32_t id) { return model_.lanes[static_cast<std::size_t>(id)]; }
  template <class... Parts>
  void say(Parts const&... parts) {
    if (story_ != nullptr) ((*story_ << ... << parts)) << '\n';
  }

  std::mt19937_64 random_;
  SourceKind kind_;
  std::ostream* story_;
  std::size_t max_messages_;
  std::size_t max_bytes_;
  std::size_t trouble_;  // percent of handlings and publishes that fail
  std::size_t keys_;
  bool keeps_dead_letters_;
  RetryConfig retry_;
  KeyTable::Hash hash_;
  Ordering ordering_;

  Model model_;
  Backlog backlog_;
  Effects effects_;
  std::deque<Worker> workers_;
  std::vector<Node*> dead_letters_;  // on their way
  std::vector<Settlement> told_;     // to the source, which has not told the broker yet
  Backlog::Clock::time_point now_{};
  bool is_draining_ = false;
  bool source_waits_ = false;
};

}  // namespace fairlead::simulation
