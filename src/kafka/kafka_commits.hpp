#pragma once

#include "consume/inbound.hpp"

#include <fairlead/config.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace fairlead::kafka {

/// Which offsets to commit, and when: the highest settled position of each open lane, one commit in flight at a time
/// (a commit costs some 6 ms whatever its size, and a flood of them breaks the coordinator connection), always the
/// newest. Knows nothing of librdkafka. `settle` and `hurry` may be called by any thread, the rest by the source's.
class KafkaCommits {
 public:
  using Clock = std::chrono::steady_clock;

  struct Offset {
    std::int32_t lane = 0;
    std::int64_t next = 0;  ///< the first position that is not settled
    friend bool operator==(Offset const&, Offset const&) = default;
  };

  /// A commit is due when that many messages are settled or the first of them has waited that long. An interval up to
  /// the pause that there is between commits anyway adds no wait of its own.
  explicit KafkaCommits(SettleConfig const& settle);

  void open(Lane lane);
  /// The lane goes on at `next`, wherever that is, and the group with it.
  void restart(Lane lane, std::int64_t next, Clock::time_point now);
  void close(Lane lane);

  /// True when the source has to be woken: it does not know yet when the next commit is due. Stale epochs are ignored.
  bool settle(Lane lane, std::int64_t position, Clock::time_point now);
  /// From now on nothing waits for more to come with it.
  void hurry(Clock::time_point now);

  /// When `begin` should be called; nothing while a commit is in flight or there is nothing to commit.
  [[nodiscard]] std::optional<Clock::time_point> due() const;
  [[nodiscard]] bool in_flight() const noexcept { return in_flight_; }

  /// How many open lanes have settled more than was committed.
  [[nodiscard]] std::size_t waiting() const;

  /// What to commit now; may be empty. It is in flight until `end`.
  [[nodiscard]] std::vector<Offset> begin(Clock::time_point now);
  /// A failed commit is repeated, later and later, with what is newest then.
  void end(bool committed, Clock::time_point now);

 private:
  static constexpr std::int64_t kUnknown = -1;

  struct Entry {
    std::uint32_t epoch = 0;
    bool is_open = false;
    std::int64_t next = kUnknown;  // the first position that is not settled
    std::int64_t committed = kUnknown;
    std::int64_t sent = kUnknown;  // of the commit in flight
    [[nodiscard]] bool is_waiting() const noexcept { return is_open && next > committed; }
  };

  void want_commit(Clock::time_point when) noexcept;

  std::uint64_t const enough_;  // messages for a commit

  std::mutex mutable mutex_;
  std::vector<Entry> entries_;            // by lane id
  Clock::duration wait_;                  // of what is settled, for more to come
  std::uint64_t waiting_messages_ = 0;    // settled since the last commit began
  std::optional<Clock::time_point> due_;  // of what is settled and was not sent
  bool in_flight_ = false;
  Clock::time_point not_before_{};
  std::uint32_t failures_ = 0;
};

}  // namespace fairlead::kafka
