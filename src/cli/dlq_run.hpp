#pragma once

#include "cli/dlq_filter.hpp"

#include <fairlead/delivery.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace fairlead::cli {

/// Decides what one redrive or purge does with each dead letter. A position can only pass a dead letter that is
/// settled, on every broker; so one that is not meant goes to the end again. The run goes as far as to the first that
/// it has put there itself, or that has failed again since. Thread-safe: handlers may come in any order.
class DeadLetterRun {
 public:
  enum class Verdict {
    kTake,     ///< redrive or purge it
    kPutBack,  ///< publish it to the end of the dead letters
    kLeave,    ///< behind the end of the run: do not settle it
  };

  /// `name` tells this run from others. `max` is how many may be taken; 0: no end.
  DeadLetterRun(DeadLetterFilter filter, std::string name, long max, std::chrono::system_clock::time_point started)
      : filter_(std::move(filter)), name_(std::move(name)), max_(max), started_(started) {}

  /// Once for each delivery.
  [[nodiscard]] Verdict decide(Delivery const& delivery);
  /// The run ends here, before its end.
  void cut_short();
  /// By `cut_short`, or by its maximum.
  [[nodiscard]] bool is_cut_short() const;

  /// What a dead letter that is put back carries as its header `kPutBackBy`.
  [[nodiscard]] std::string const& name() const noexcept { return name_; }
  static constexpr std::string_view kPutBackBy = "fairlead-put-back-by";

 private:
  struct Partition {
    std::int64_t decided_up_to = -1;
    std::int64_t end = std::numeric_limits<std::int64_t>::max();  // of the run
  };

  [[nodiscard]] Verdict judge(Delivery const& delivery) const;
  [[nodiscard]] bool has_come_again(Delivery const& delivery) const;

  DeadLetterFilter const filter_;
  std::string const name_;
  long const max_;
  std::chrono::system_clock::time_point const started_;

  std::mutex mutable mutex_;
  bool is_cut_short_ = false;
  long taken_ = 0;
  std::unordered_map<std::string, std::chrono::system_clock::time_point> failures_taken_;  // by id
  std::map<std::int32_t, Partition> partitions_;
};

}  // namespace fairlead::cli
