#pragma once

#include "consume/claimed_batch.hpp"
#include "consume/inbound.hpp"
#include "consume/intake.hpp"
#include "consume/keyed_dispatcher.hpp"
#include "consume/lane_table.hpp"

#include <fairlead/config.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace fairlead {

struct Settlement {
  Lane lane;
  std::int64_t position = 0;
};

/// What a step of the Backlog leaves to do once the lock is released.
struct Effects {
  std::vector<Settlement> settlements;  // one per lane
  InboundList released;                 // to be cleared and pooled again
  bool room = false;                    // the source may deliver again

  [[nodiscard]] bool empty() const noexcept { return settlements.empty() && released.first == nullptr && !room; }
};

/// What a subscription has taken in and not settled: its lanes and their watermarks, the dispatcher, and the bounds of
/// both. Knows no thread, source or handler. Thread-compatible.
class Backlog {
 public:
  using Clock = std::chrono::steady_clock;

  Backlog(Ordering ordering, std::size_t max_messages, std::size_t max_bytes, KeyTable::Hash hash)
      : dispatcher_(ordering, hash), max_messages_(max_messages), max_bytes_(max_bytes) {}

  // --- intake ---
  [[nodiscard]] Intake::Room room() noexcept;
  void add(InboundList batch, Effects& effects);
  void open_lane(Lane lane, Effects& effects);
  /// The lane is gone: what is not running is dropped, what still runs is stale. Unclaimed batches must have been given
  /// back.
  void lose_lane(Lane lane, Effects& effects);
  /// The lane is to end soon, and nothing that was handled may be handled again. So what runs may finish, what lies
  /// before a message that runs or is handled is handled still, and only the messages behind are dropped. Unclaimed
  /// batches must have been given back.
  void close_lane(Lane lane, Effects& effects);
  /// The same for all lanes, and for lanes and messages still to come.
  void close_intake(Effects& effects);
  void lose_all_lanes(Effects& effects);

  // --- workers ---
  void take(std::size_t max, ClaimedBatch& batch);
  /// Those of the batch that were not claimed are ready again; returns how many.
  std::size_t give_back(ClaimedBatch& batch);
  /// A single message, outside any batch; null when none is ready. It runs then, as those of a batch.
  [[nodiscard]] Inbound* take_one() noexcept;
  /// Everything about the message is done: it counts for the watermark and its buffer is free.
  void finish(Inbound& message, Effects& effects);
  /// The message is to be worked on again at `due`. False when it was dropped instead: its lane closes or is gone.
  bool park(Inbound& message, Clock::time_point due, Effects& effects);
  std::size_t release_due(Clock::time_point now) noexcept { return dispatcher_.release_due(now); }
  [[nodiscard]] std::optional<Clock::time_point> next_due() const noexcept { return dispatcher_.next_due(); }

  [[nodiscard]] std::size_t ready() const noexcept { return dispatcher_.ready(); }
  /// Nothing waits, is parked or runs: in a lane, or at all.
  [[nodiscard]] bool is_quiet(Lane lane) noexcept;
  [[nodiscard]] bool is_quiet() const noexcept { return unfinished_ == 0 && running_ == 0; }
  /// Up to where an open lane, or every open lane, is complete now.
  [[nodiscard]] std::optional<Settlement> settled(Lane lane) noexcept;
  [[nodiscard]] std::vector<Settlement> settled();

  [[nodiscard]] std::size_t in_flight() const noexcept { return unsettled_; }
  [[nodiscard]] std::size_t open_lanes() const noexcept { return lanes_.count_open(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
  [[nodiscard]] std::uint64_t redelivered() const noexcept { return redelivered_; }
  [[nodiscard]] std::uint64_t stale() const noexcept { return stale_; }

 private:
  void end_lane(LaneTable::Entry& lane, Effects& effects);
  void close_lane(LaneTable::Entry& lane, Effects& effects);
  /// Drops what waits at or behind the last slot before `end` that runs or is handled.
  void keep_only_before(LaneTable::Entry& lane, std::uint64_t end, Effects& effects);
  void drop(LaneTable::Entry& lane, std::uint64_t from_slot, Effects& effects);
  void release(Inbound& message, Effects& effects) noexcept;
  void check_room(Effects& effects) noexcept;

  KeyedDispatcher dispatcher_;
  LaneTable lanes_;
  std::size_t max_messages_;
  std::size_t max_bytes_;
  bool is_closing_ = false;
  bool source_waits_ = false;   // room() answered empty
  std::size_t unsettled_ = 0;   // the sizes of the open lanes' watermarks
  std::size_t bytes_ = 0;       // of messages whose buffers are held
  std::size_t unfinished_ = 0;  // in open lanes
  std::size_t running_ = 0;     // in any lane
  std::uint64_t received_ = 0;
  std::uint64_t redelivered_ = 0;
  std::uint64_t stale_ = 0;
};

}  // namespace fairlead
