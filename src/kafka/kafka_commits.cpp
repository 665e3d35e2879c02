#include "kafka/kafka_commits.hpp"

#include "core/seeded_fault.hpp"
#include "resilience/backoff.hpp"

#include <algorithm>
#include <cstddef>

namespace fairlead::kafka {
namespace {

using std::chrono::milliseconds;

/// Brokers that answer at once must not be asked hundreds of times a second.
constexpr milliseconds kBetweenCommits{5};
constexpr BackoffPolicy kRetry{milliseconds(100), milliseconds(5'000), 2.0};

}  // namespace

KafkaCommits::KafkaCommits(SettleConfig const& settle)
    : enough_(static_cast<std::uint64_t>(std::max(1, settle.messages))),
      wait_(settle.interval > kBetweenCommits ? settle.interval : milliseconds(0)) {}

void KafkaCommits::open(Lane lane) {
  std::lock_guard const lock(mutex_);
  auto const index = static_cast<std::size_t>(lane.id);
  if (index >= entries_.size()) entries_.resize(index + 1);
  entries_[index] = {lane.epoch, true};
}

void KafkaCommits::restart(Lane lane, std::int64_t next, Clock::time_point now) {
  open(lane);
  std::lock_guard const lock(mutex_);
  entries_[static_cast<std::size_t>(lane.id)].next = next;
  want_commit(now);
}

void KafkaCommits::close(Lane lane) {
  std::lock_guard const lock(mutex_);
  auto& entry = entries_[static_cast<std::size_t>(lane.id)];
  if (entry.epoch == lane.epoch) entry.is_open = false;
}

bool KafkaCommits::settle(Lane lane, std::int64_t position, Clock::time_point now) {
  std::lock_guard const lock(mutex_);
  auto const index = static_cast<std::size_t>(lane.id);
  if (index >= entries_.size()) return false;
  auto& entry = entries_[index];
  if (!entry.is_open || entry.epoch != lane.epoch || position < entry.next) return false;
  waiting_messages_ += entry.next == kUnknown ? 1 : static_cast<std::uint64_t>(position + 1 - entry.next);
  entry.next = position + 1;
  auto const before = due_;
  want_commit(waiting_messages_ >= enough_ ? now : now + wait_);
  return due_ != before && !in_flight_;
}

void KafkaCommits::hurry(Clock::time_point now) {
  std::lock_guard const lock(mutex_);
  wait_ = Clock::duration::zero();
  if (due_) want_commit(now);
}

void KafkaCommits::want_commit(Clock::time_point when) noexcept {
  if (!due_ || when < *due_) due_ = when;
}

std::optional<KafkaCommits::Clock::time_point> KafkaCommits::due() const {
  std::lock_guard const lock(mutex_);
  if (!due_ || in_flight_) return std::nullopt;
  return std::max(*due_, not_before_);
}

std::size_t KafkaCommits::waiting() const {
  std::lock_guard const lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(entries_, &Entry::is_waiting));
}

std::vector<KafkaCommits::Offset> KafkaCommits::begin(Clock::time_point now) {
  std::vector<Offset> offsets;
  std::lock_guard const lock(mutex_);
  due_.reset();
  waiting_messages_ = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto& entry = entries_[i];
    if (!entry.is_waiting()) continue;
    entry.sent = entry.next;
    offsets.push_back({static_cast<std::int32_t>(i), entry.next});
    if (is_seeded(SeededFault::kCommitBeyond)) ++offsets.back().next;
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
    if (committed) entry.committed = std::max(entry.committed, entry.sent);
    entry.sent = kUnknown;
    if (!committed && entry.is_waiting()) want_commit(now);
  }
}

}  // namespace fairlead::kafka
