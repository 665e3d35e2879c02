#include "kafka/kafka_commits.hpp"

#include "resilience/backoff.hpp"

#include <cstddef>

namespace fairlead::kafka {
namespace {

using std::chrono::milliseconds;

/// Brokers that answer at once must not be asked hundreds of times a second.
constexpr milliseconds kBetweenCommits{5};
constexpr BackoffPolicy kRetry{milliseconds(100), milliseconds(5'000), 2.0};

}  // namespace

void KafkaCommits::open(Lane lane) {
  std::lock_guard const lock(mutex_);
  auto const index = static_cast<std::size_t>(lane.id);
  if (index >= entries_.size()) entries_.resize(index + 1);
  entries_[index] = {lane.epoch, true};
}

void KafkaCommits::close(Lane lane) {
  std::lock_guard const lock(mutex_);
  auto& entry = entries_[static_cast<std::size_t>(lane.id)];
  if (entry.epoch == lane.epoch) entry.is_open = false;
}

bool KafkaCommits::settle(Lane lane, std::int64_t position) {
  std::lock_guard const lock(mutex_);
  auto const index = static_cast<std::size_t>(lane.id);
  if (index >= entries_.size()) return false;
  auto& entry = entries_[index];
  if (!entry.is_open || entry.epoch != lane.epoch || position <= entry.settled) return false;
  entry.settled = position;
  bool const was_waiting = waiting_;
  waiting_ = true;
  return !was_waiting && !in_flight_;
}

std::optional<KafkaCommits::Clock::time_point> KafkaCommits::due() const {
  std::lock_guard const lock(mutex_);
  if (!waiting_ || in_flight_) return std::nullopt;
  return not_before_;
}

std::vector<KafkaCommits::Offset> KafkaCommits::begin(Clock::time_point now) {
  std::vector<Offset> offsets;
  std::lock_guard const lock(mutex_);
  waiting_ = false;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto& entry = entries_[i];
    if (!entry.is_open || entry.settled <= entry.committed) continue;
    entry.sent = entry.settled;
    offsets.push_back({static_cast<std::int32_t>(i), entry.settled + 1});
  }
  in_flight_ = !offsets.empty();
  not_before_ = now + kBetweenCommits;
  return offsets;
}

void KafkaCommits::end(bool committed, Clock::time_point now) {
  std::lock_guard const lock(mutex_);
  in_flight_ = false;
  failures_ = committed ? 0 : failures_ + 1;
  if (!committed) not_before_ = now + backoff_ceiling(kRetry, failures_);
  for (auto& entry : entries_) {
    if (committed && entry.sent > entry.committed) entry.committed = entry.sent;
    entry.sent = -1;
    if (entry.is_open && entry.settled > entry.committed) waiting_ = true;
  }
}

}  // namespace fairlead::kafka
