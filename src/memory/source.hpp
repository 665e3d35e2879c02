#pragma once

#include "consume/intake.hpp"
#include "consume/source.hpp"
#include "core/thread.hpp"
#include "memory/store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace fairlead {

/// A member of a group: one thread that takes over and gives up partitions and delivers what they hold. Beside the log
/// of its destination it reads those of the group's delayed retries, each message when it is due; the partitions of one
/// number go to one member, whatever their log.
class MemorySource final : public Source {
 public:
  /// The destination's log, then those of its retries.
  MemorySource(std::shared_ptr<MemoryStore> store, std::vector<Log*> logs, SourceSpec const& spec, Intake& intake);
  ~MemorySource() override;

  void settle(Lane lane, std::int64_t position) noexcept override;
  void room_available() noexcept override;
  void stop_intake() noexcept override;
  Result<void> seek(SeekTarget const& target, std::chrono::steady_clock::time_point deadline) override;
  Result<void> close(std::chrono::steady_clock::time_point deadline) override;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using WallClock = std::chrono::system_clock;

  /// One partition of one log; its place in `lanes_` is its lane id.
  struct Reading {
    Log* log = nullptr;
    std::size_t partition = 0;
    MemoryStore::Membership self;
    [[nodiscard]] Cursor& cursor() const { return self.group->cursors[partition]; }
    [[nodiscard]] bool is_mine() const { return cursor().owner == self.member; }
  };
  /// A message taken out of the log, on its way to the intake.
  struct Taken {
    RecordRef record;
    Lane lane;
    std::int32_t partition = 0;
    std::int64_t position = 0;
    bool redelivered = false;
  };

  void run();
  // Each works under the store's lock, may let go of it, and says whether it did anything.
  bool hand_over(Lock& lock);
  bool take_over(Lock& lock);
  bool serve_seek(Lock& lock);
  bool deliver(Lock& lock);
  void sleep(Lock& lock);

  [[nodiscard]] Lane lane_of(std::size_t id) const;
  /// There is a message for us; those that are not due yet set `next_due_`.
  [[nodiscard]] bool has_messages();
  /// Moves up to `room` messages from the logs to `taken_`.
  void take(Intake::Room room);
  [[nodiscard]] static bool is_due(Record const& record, WallClock::time_point now);
  /// Where the target lies in our partition; nothing when it is not about this one.
  [[nodiscard]] static std::optional<std::int64_t> position_of(SeekTarget const& target, Reading const& reading);
  [[nodiscard]] Result<void> check_target(SeekTarget const& target) const;
  void change(bool& flag, bool value) noexcept;

  std::shared_ptr<MemoryStore> const store_;
  std::vector<Log*> const logs_;
  std::string const group_name_;
  bool const is_anonymous_;
  Intake& intake_;
  Sleeper sleeper_;
  std::vector<Reading> lanes_;  // the destination's partitions first
  std::size_t main_lanes_ = 0;
  std::vector<Taken> taken_;  // of the thread alone; keeps its room
  // Under the store's lock.
  bool is_stopped_ = false;                        // no more intake
  bool is_closed_ = false;                         // no more thread
  bool wants_room_ = false;                        // room was asked for in vain
  std::optional<WallClock::time_point> next_due_;  // of what was looked at last
  std::optional<SeekTarget> wanted_;               // a seek that was not begun
  bool is_seeking_ = false;                        // somebody waits for one
  std::optional<Result<void>> sought_;             // what it came to
  std::condition_variable seek_changed_;
  Thread thread_;
};

}  // namespace fairlead
