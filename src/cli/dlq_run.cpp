#include "cli/dlq_run.hpp"

#include <algorithm>

namespace fairlead::cli {

DeadLetterRun::Verdict DeadLetterRun::decide(Delivery const& delivery) {
  std::lock_guard const lock(mutex_);
  auto& partition = partitions_[delivery.partition()];
  auto const position = delivery.position();
  // What lies before a dead letter that was dealt with must be dealt with too, or that one would come again.
  bool const may_be_left = position > partition.decided_up_to;
  bool const is_behind = is_cut_short_ || position >= partition.end;
  auto verdict = is_behind && may_be_left ? Verdict::kLeave : judge(delivery);
  if (verdict == Verdict::kLeave) {
    partition.end = std::min(partition.end, position);
    if (may_be_left) return verdict;
    verdict = Verdict::kPutBack;
  }
  partition.decided_up_to = std::max(partition.decided_up_to, position);
  if (verdict == Verdict::kTake) {
    failures_taken_.insert_or_assign(std::string(delivery.id()), failed_at(delivery));
    if (++taken_ == max_) is_cut_short_ = true;
  }
  return verdict;
}

DeadLetterRun::Verdict DeadLetterRun::judge(Delivery const& delivery) const {
  if (delivery.header(kPutBackBy) == std::string_view(name_) || has_come_again(delivery)) return Verdict::kLeave;
  if (!filter_.matches(delivery)) return Verdict::kPutBack;
  return max_ > 0 && taken_ >= max_ ? Verdict::kLeave : Verdict::kTake;
}

bool DeadLetterRun::has_come_again(Delivery const& delivery) const {
  if (delivery.id().empty()) return failed_at(delivery) > started_;
  auto const taken = failures_taken_.find(std::string(delivery.id()));
  return taken != failures_taken_.end() && failed_at(delivery) > taken->second;
}

void DeadLetterRun::cut_short() {
  std::lock_guard const lock(mutex_);
  is_cut_short_ = true;
}

bool DeadLetterRun::is_cut_short() const {
  std::lock_guard const lock(mutex_);
  return is_cut_short_;
}

}  // namespace fairlead::cli
