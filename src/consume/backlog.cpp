#include "consume/backlog.hpp"

#include "core/seeded_fault.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace fairlead {

namespace {

std::size_t bytes_of(Inbound const& message) noexcept {
  std::size_t bytes = message.payload.size() + message.key.size();
  for (auto const& header : message.headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

void note(std::vector<Settlement>& settlements, Settlement settlement) {
  // A batch touches few lanes, and mostly the one of the message before.
  for (auto known = settlements.rbegin(); known != settlements.rend(); ++known) {
    if (known->lane == settlement.lane) {
      known->position = std::max(known->position, settlement.position);
      return;
    }
  }
  settlements.push_back(settlement);
}

}  // namespace

Intake::Room Backlog::room() noexcept {
  Intake::Room room;
  if (!is_closing_) {
    room.messages = max_messages_ - std::min(unsettled_, max_messages_);
    room.bytes = max_bytes_ - std::min(bytes_, max_bytes_);
  }
  source_waits_ = !room;
  return room;
}

void Backlog::add(InboundList batch, Effects& effects) {
  while (Inbound* const message = batch.pop()) {
    LaneTable::Entry* const lane = lanes_.find(message->lane);
    if (lane == nullptr || lane->is_closing) {
      effects.released.push(*message);
      continue;
    }
    message->slot = lane->watermark.add(message->position);
    message->bytes = bytes_of(*message);
    bytes_ += message->bytes;
    ++lane->unfinished;
    ++unfinished_;
    ++unsettled_;
    ++received_;
    if (message->redelivered) ++redelivered_;
    dispatcher_.push(*message);
  }
}

void Backlog::open_lane(Lane lane, Effects& effects) {
  if (auto* const before = lanes_.find_any_epoch(lane)) end_lane(*before, effects);
  lanes_.open(lane).is_closing = is_closing_;
}

void Backlog::lose_lane(Lane lane, Effects& effects) {
  if (auto* const entry = lanes_.find(lane)) end_lane(*entry, effects);
}

void Backlog::end_lane(LaneTable::Entry& lane, Effects& effects) {
  drop(lane, 0, effects);
  unsettled_ -= lane.watermark.size();
  unfinished_ -= lane.unfinished;
  LaneTable::close(lane);
  check_room(effects);
}

void Backlog::close_lane(Lane lane, Effects& effects) {
  if (auto* const entry = lanes_.find(lane)) close_lane(*entry, effects);
}

void Backlog::close_lane(LaneTable::Entry& lane, Effects& effects) {
  if (std::exchange(lane.is_closing, true)) return;
  keep_only_before(lane, lane.watermark.end(), effects);
}

void Backlog::keep_only_before(LaneTable::Entry& lane, std::uint64_t end, Effects& effects) {
  auto waiting = dispatcher_.slots_of(lane.lane);
  std::sort(waiting.begin(), waiting.end(), std::greater<>());
  for (auto const slot : waiting) {
    if (slot >= end) continue;
    if (slot + 1 != end) break;
    end = slot;
  }
  // `end - 1` runs or is handled, whatever lies behind it waits.
  lane.finish_below = end > 0 ? end - 1 : 0;
  drop(lane, lane.finish_below, effects);
}

void Backlog::close_intake(Effects& effects) {
  is_closing_ = true;
  lanes_.for_each_open([&](LaneTable::Entry& lane) { close_lane(lane, effects); });
}

void Backlog::lose_all_lanes(Effects& effects) {
  lanes_.for_each_open([&](LaneTable::Entry& lane) { end_lane(lane, effects); });
}

void Backlog::drop(LaneTable::Entry& lane, std::uint64_t from_slot, Effects& effects) {
  InboundList dropped;
  dispatcher_.drop_lane(lane.lane, from_slot, dropped);
  lane.unfinished -= dropped.size;
  unfinished_ -= dropped.size;
  while (Inbound* const message = dropped.pop()) release(*message, effects);
}

void Backlog::take(std::size_t max, ClaimedBatch& batch) {
  for (; max > 0; --max) {
    Inbound* const message = take_one();
    if (message == nullptr) return;
    batch.add(*message);
  }
}

std::size_t Backlog::give_back(ClaimedBatch& batch) {
  std::size_t count = 0;
  batch.take_back([&](Inbound& message) {
    --running_;
    ++count;
    dispatcher_.give_back(message);
  });
  return count;
}

Inbound* Backlog::take_one() noexcept {
  Inbound* const message = dispatcher_.take();
  if (message != nullptr) ++running_;
  return message;
}

void Backlog::finish(Inbound& message, Effects& effects) {
  --running_;
  dispatcher_.complete(message);
  if (auto* const lane = lanes_.find(message.lane)) {
    --lane->unfinished;
    --unfinished_;
    auto const before = lane->watermark.size();
    if (auto const position = lane->watermark.complete(message.slot))
      note(effects.settlements, {lane->lane, *position});
    unsettled_ -= before - lane->watermark.size();
  } else {
    ++stale_;
    if (is_seeded(SeededFault::kStaleTagAck)) note(effects.settlements, {message.lane, message.position});
  }
  release(message, effects);
}

bool Backlog::park(Inbound& message, Clock::time_point due, Effects& effects) {
  --running_;
  auto* const lane = lanes_.find(message.lane);
  if (lane != nullptr && (!lane->is_closing || message.slot < lane->finish_below)) {
    dispatcher_.park(message, due);
    return true;
  }
  dispatcher_.complete(message);
  if (lane != nullptr) {
    --lane->unfinished;
    --unfinished_;
    // It ran when the lane began to close, and was not handled: what waits before it has no reason left to be handled.
    if (message.slot == lane->finish_below) keep_only_before(*lane, message.slot, effects);
  } else {
    ++stale_;
  }
  release(message, effects);
  return false;
}

bool Backlog::is_quiet(Lane lane) noexcept {
  auto const* const entry = lanes_.find(lane);
  return entry == nullptr || entry->unfinished == 0;
}

std::optional<Settlement> Backlog::settled(Lane lane) noexcept {
  auto const* const entry = lanes_.find(lane);
  if (entry == nullptr || !entry->watermark.position()) return std::nullopt;
  return Settlement{lane, *entry->watermark.position()};
}

std::vector<Settlement> Backlog::settled() {
  std::vector<Settlement> all;
  lanes_.for_each_open([&](LaneTable::Entry const& entry) {
    if (entry.watermark.position()) all.push_back({entry.lane, *entry.watermark.position()});
  });
  return all;
}

void Backlog::release(Inbound& message, Effects& effects) noexcept {
  bytes_ -= message.bytes;
  effects.released.push(message);
  check_room(effects);
}

void Backlog::check_room(Effects& effects) noexcept {
  if (!source_waits_ || is_closing_) return;
  // A quarter at once, so that the source works in batches instead of message by message.
  if (max_messages_ - std::min(unsettled_, max_messages_) < std::max<std::size_t>(1, max_messages_ / 4)) return;
  if (max_bytes_ - std::min(bytes_, max_bytes_) < std::max<std::size_t>(1, max_bytes_ / 4)) return;
  source_waits_ = false;
  effects.room = true;
}

}  // namespace fairlead
