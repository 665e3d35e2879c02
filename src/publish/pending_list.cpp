#include "publish/pending_list.hpp"

#include "publish/confirm_window.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

// Below this the heap is not worth tidying.
constexpr std::size_t kSmallHeap = 64;

}  // namespace

void PendingList::push(PendingPublish& pending, Clock::time_point deadline) {
  pending.deadline = deadline;
  pending.sequence = next_sequence_++;
  pending.state = PendingPublish::State::kPending;
  if (deadline < latest_deadline_) {
    if (early_.size() > kSmallHeap + 2 * size_) drop_gone();
    early_.push_back({deadline, &pending, pending.sequence});
    std::push_heap(early_.begin(), early_.end(), is_later);
  } else {
    latest_deadline_ = deadline;
  }
  pending.older = std::exchange(newest_, &pending);
  pending.newer = nullptr;
  (pending.older != nullptr ? pending.older->newer : oldest_) = &pending;
  ++size_;
}

void PendingList::remove(PendingPublish& pending) noexcept {
  (pending.older != nullptr ? pending.older->newer : oldest_) = pending.newer;
  (pending.newer != nullptr ? pending.newer->older : newest_) = pending.older;
  pending.state = PendingPublish::State::kAnswered;
  if (--size_ == 0) latest_deadline_ = {};
}

PendingList::Clock::time_point PendingList::next_deadline() noexcept {
  while (!early_.empty() && is_gone(early_.front())) {
    std::pop_heap(early_.begin(), early_.end(), is_later);
    early_.pop_back();
  }
  auto next = Clock::time_point::max();
  if (oldest_ != nullptr) next = oldest_->deadline;
  if (!early_.empty()) next = std::min(next, early_.front().deadline);
  return next;
}

PendingPublish* PendingList::find_expired(Clock::time_point now) noexcept {
  if (empty() || next_deadline() > now) return nullptr;
  return oldest_->deadline <= now ? oldest_ : early_.front().pending;
}

bool PendingList::is_gone(EarlyDeadline const& entry) noexcept {
  return entry.pending->sequence != entry.sequence || entry.pending->state != PendingPublish::State::kPending;
}

void PendingList::drop_gone() noexcept {
  std::erase_if(early_, is_gone);
  std::make_heap(early_.begin(), early_.end(), is_later);
}

}  // namespace fairlead
