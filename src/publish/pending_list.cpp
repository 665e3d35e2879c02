#include "publish/pending_list.hpp"

#include "publish/confirm_window.hpp"

#include <algorithm>
#include <utility>

namespace fairlead {
namespace {

// Below this the heap is not worth tidying.
constexpr std::size_t kSmallHeap = 64;
constexpr std::size_t kSmallRing = 64;

}  // namespace

void PendingList::push(PendingPublish& pending, Clock::time_point deadline) {
  if (end_ - begin_ == ring_.size()) make_room();
  pending.deadline = deadline;
  pending.sequence = next_sequence_++;
  pending.is_answered = false;
  if (deadline < latest_deadline_) {
    if (early_.size() > kSmallHeap + 2 * size_) drop_gone();
    early_.push_back({deadline, &pending, pending.sequence});
    std::push_heap(early_.begin(), early_.end(), is_later);
  } else {
    latest_deadline_ = deadline;
  }
  pending.place = end_++;
  ring_[index(pending.place)] = &pending;
  ++size_;
}

void PendingList::remove(PendingPublish& pending) noexcept {
  ring_[index(pending.place)] = nullptr;
  pending.is_answered = true;
  if (--size_ == 0) latest_deadline_ = {};
  while (begin_ != end_ && ring_[index(begin_)] == nullptr) ++begin_;
}

/// Behind one that is not answered for long the gaps would fill any ring: they are closed. With few of them it grows.
void PendingList::make_room() {
  if (size_ > ring_.size() / 2 || ring_.empty()) {
    std::vector<PendingPublish*> larger(std::max(kSmallRing, 2 * ring_.size()));
    for (auto place = begin_; place != end_; ++place) larger[place & (larger.size() - 1)] = ring_[index(place)];
    ring_ = std::move(larger);
    return;
  }
  auto to = begin_;
  for (auto from = begin_; from != end_; ++from) {
    auto* const pending = ring_[index(from)];
    if (pending == nullptr) continue;
    pending->place = to;
    ring_[index(to++)] = pending;
  }
  end_ = to;
}

PendingList::Clock::time_point PendingList::next_deadline() noexcept {
  while (!early_.empty() && is_gone(early_.front())) {
    std::pop_heap(early_.begin(), early_.end(), is_later);
    early_.pop_back();
  }
  auto next = Clock::time_point::max();
  if (!empty()) next = oldest()->deadline;
  if (!early_.empty()) next = std::min(next, early_.front().deadline);
  return next;
}

PendingPublish* PendingList::find_expired(Clock::time_point now) noexcept {
  if (empty() || next_deadline() > now) return nullptr;
  return oldest()->deadline <= now ? oldest() : early_.front().pending;
}

bool PendingList::is_gone(EarlyDeadline const& entry) noexcept {
  return entry.pending->sequence != entry.sequence || entry.pending->is_answered;
}

void PendingList::drop_gone() noexcept {
  std::erase_if(early_, is_gone);
  std::make_heap(early_.begin(), early_.end(), is_later);
}

}  // namespace fairlead
