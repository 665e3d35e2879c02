#pragma once

#include "consume/intake.hpp"
#include "consume/source.hpp"
#include "core/thread.hpp"
#include "memory/store.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fairlead {

/// A member of a group: one thread that takes over and gives up partitions and delivers what they hold.
class MemorySource final : public Source {
 public:
  MemorySource(std::shared_ptr<MemoryStore> store, Log& log, SourceSpec const& spec, Intake& intake);
  ~MemorySource() override;

  void settle(Lane lane, std::int64_t position) noexcept override;
  void room_available() noexcept override;
  void stop_intake() noexcept override;
  Result<void> close(std::chrono::steady_clock::time_point deadline) override;

 private:
  using Lock = std::unique_lock<std::mutex>;
  /// A message taken out of the log, on its way to the intake.
  struct Taken {
    RecordRef record;
    Lane lane;
    std::int64_t position = 0;
    bool redelivered = false;
  };

  void run();
  // Each works under the store's lock, may let go of it, and says whether it did anything.
  bool hand_over(Lock& lock);
  bool take_over(Lock& lock);
  bool deliver(Lock& lock);

  [[nodiscard]] bool has_messages() const;
  /// Moves up to `room` messages from the log to `taken_`.
  void take(Intake::Room room);
  void change(bool& flag, bool value) noexcept;

  std::shared_ptr<MemoryStore> const store_;
  Log& log_;
  std::string const group_name_;
  bool const is_anonymous_;
  Intake& intake_;
  MemoryStore::Membership const self_;
  std::vector<Taken> taken_;  // of the thread alone; keeps its room
  // Under the store's lock.
  bool is_stopped_ = false;  // no more intake
  bool is_closed_ = false;   // no more thread
  bool wants_room_ = false;
  Thread thread_;
};

}  // namespace fairlead
