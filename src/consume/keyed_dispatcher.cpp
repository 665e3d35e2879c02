#include "consume/keyed_dispatcher.hpp"

#include "core/seeded_fault.hpp"

#include <algorithm>
#include <functional>

namespace fairlead {

namespace {

bool is_due_later(Inbound const* left, Inbound const* right) noexcept { return left->due > right->due; }

}  // namespace

std::uint64_t KeyedDispatcher::hash_key(std::string_view key) noexcept { return std::hash<std::string_view>{}(key); }

void KeyedDispatcher::push(Inbound& message) {
  message.queue = nullptr;
  if (is_seeded(SeededFault::kKeyOrderIgnored)) return ready_.push(message);
  bool const by_key = ordering_ == Ordering::kKey && !message.key.empty();
  if (by_key || ordering_ == Ordering::kPartition) {
    auto const [queue, is_new] =
        by_key ? keys_.find_or_insert(message.key, 0) : keys_.find_or_insert({}, message.lane.id);
    message.queue = &queue;
    if (!is_new) return queue.waiting.push(message);
  }
  ready_.push(message);
}

void KeyedDispatcher::give_back(Inbound& message) noexcept {
  message.next = ready_.first;
  ready_.first = &message;
  if (ready_.last == nullptr) ready_.last = &message;
  ++ready_.size;
}

void KeyedDispatcher::complete(Inbound& message) noexcept {
  KeyQueue* const queue = message.queue;
  if (queue == nullptr) return;
  if (Inbound* const following = queue->waiting.pop()) {
    if (!queue->key.empty()) queue->key = following->key;  // the old bytes go away with the message
    ready_.push(*following);
  } else {
    keys_.erase(*queue);
  }
}

void KeyedDispatcher::park(Inbound& message, Clock::time_point due) {
  message.due = due;
  parked_.push_back(&message);
  std::push_heap(parked_.begin(), parked_.end(), is_due_later);
}

std::size_t KeyedDispatcher::release_due(Clock::time_point now) noexcept {
  std::size_t released = 0;
  for (; !parked_.empty() && parked_.front()->due <= now; ++released) {
    std::pop_heap(parked_.begin(), parked_.end(), is_due_later);
    ready_.push(*parked_.back());
    parked_.pop_back();
  }
  return released;
}

std::optional<KeyedDispatcher::Clock::time_point> KeyedDispatcher::next_due() const noexcept {
  if (parked_.empty()) return std::nullopt;
  return parked_.front()->due;
}

void KeyedDispatcher::drop_lane(Lane lane, std::uint64_t from_slot, InboundList& dropped) {
  auto const matches = [&](Inbound const& message) { return message.lane == lane && message.slot >= from_slot; };
  // First those that wait, so that completing those that are out brings forward only what stays.
  keys_.for_each([&](KeyQueue& queue) {
    InboundList waiting = queue.waiting;
    queue.waiting = {};
    while (Inbound* const message = waiting.pop()) (matches(*message) ? dropped : queue.waiting).push(*message);
  });
  std::vector<Inbound*> out;
  InboundList ready = ready_;
  ready_ = {};
  while (Inbound* const message = ready.pop()) {
    if (matches(*message)) {
      out.push_back(message);
    } else {
      ready_.push(*message);
    }
  }
  auto const staying = std::partition(parked_.begin(), parked_.end(), [&](Inbound* m) { return !matches(*m); });
  out.insert(out.end(), staying, parked_.end());
  parked_.erase(staying, parked_.end());
  std::make_heap(parked_.begin(), parked_.end(), is_due_later);
  for (Inbound* const message : out) {
    complete(*message);
    dropped.push(*message);
  }
}

std::vector<std::uint64_t> KeyedDispatcher::slots_of(Lane lane) {
  std::vector<std::uint64_t> slots;
  auto const note = [&](Inbound const* message) {
    if (message->lane == lane) slots.push_back(message->slot);
  };
  auto const note_all = [&](InboundList const& list) {
    for (Inbound const* message = list.first; message != nullptr; message = message->next) note(message);
  };
  keys_.for_each([&](KeyQueue const& queue) { note_all(queue.waiting); });
  note_all(ready_);
  std::for_each(parked_.begin(), parked_.end(), note);
  return slots;
}

}  // namespace fairlead
