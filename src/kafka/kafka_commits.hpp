#pragma once

#include "consume/inbound.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace fairlead::kafka {

/// Which offsets to commit, and when: the highest settled position of each open lane, one commit in flight at a time
/// (a commit costs some 6 ms whatever its size, and a flood of them breaks the coordinator connection), always the
/// newest. Knows nothing of librdkafka. `settle` may be called by any thread, the rest by the source's.
class KafkaCommits {
 public:
  using Clock = std::chrono::steady_clock;

  struct Offset {
    std::int32_t partition = 0;
    std::int64_t next = 0;  ///< the first position that is not settled
    friend bool operator==(Offset const&, Offset const&) = default;
  };

  void open(Lane lane);
  void close(Lane lane);

  /// True when the source has to be woken: nothing was waiting to be committed before. Stale epochs are ignored.
  bool settle(Lane lane, std::int64_t position);

  /// When `begin` should be called; nothing while a commit is in flight or there is nothing to commit.
  [[nodiscard]] std::optional<Clock::time_point> due() const;
  [[nodiscard]] bool in_flight() const noexcept { return in_flight_; }

  /// What to commit now; may be empty. It is in flight until `end`.
  [[nodiscard]] std::vector<Offset> begin(Clock::time_point now);
  /// A failed commit is repeated, later and later, with what is newest then.
  void end(bool committed, Clock::time_point now);

 private:
  struct Entry {
    std::uint32_t epoch = 0;
    bool is_open = false;
    std::int64_t settled = -1;
    std::int64_t committed = -1;
    std::int64_t sent = -1;  // of the commit in flight
  };

  std::mutex mutable mutex_;
  std::vector<Entry> entries_;  // by partition
  bool waiting_ = false;        // something is settled that was not sent
  bool in_flight_ = false;
  Clock::time_point not_before_{};
  std::uint32_t failures_ = 0;
};

}  // namespace fairlead::kafka
