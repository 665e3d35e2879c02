#pragma once

#include "consume/intake.hpp"
#include "consume/source.hpp"
#include "core/thread.hpp"
#include "memory/log.hpp"

#include <memory>
#include <string>

namespace fairlead {

/// A member of a group: one thread that takes over and gives up partitions and delivers what they hold.
class MemorySource final : public Source {
 public:
  MemorySource(std::shared_ptr<MemoryStore> store, SourceSpec const& spec, Intake& intake);
  ~MemorySource() override;

  void settle(Lane lane, std::int64_t position) noexcept override;
  void room_available() noexcept override;
  void stop_intake() noexcept override;
  Result<void> close(std::chrono::steady_clock::time_point deadline) override;

 private:
  void run();
  // Each works under the store's lock, may let go of it, and says whether it did anything.
  bool hand_over(std::unique_lock<std::mutex>& lock, LogGroup& group);
  bool take_over(std::unique_lock<std::mutex>& lock, LogGroup& group);
  bool deliver(std::unique_lock<std::mutex>& lock, Log& log, LogGroup& group);

  std::shared_ptr<MemoryStore> const store_;
  std::string const destination_;
  std::string const group_;
  bool const is_anonymous_;
  Intake& intake_;
  MemberId const member_;
  // Under the store's lock.
  bool is_stopped_ = false;  // no more intake
  bool is_closed_ = false;   // no more thread
  bool wants_room_ = false;
  Thread thread_;
};

}  // namespace fairlead
