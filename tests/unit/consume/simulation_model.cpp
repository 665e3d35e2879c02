#include "unit/consume/simulation_model.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace fairlead::simulation {

std::string name_of(Node const& node) {
  return std::to_string(node.lane.id) + '/' + std::to_string(node.lane.epoch) + '#' + std::to_string(node.index) + '(' +
         node.key_bytes + ')';
}

std::size_t LaneModel::complete() const noexcept {
  auto const gap = std::find_if(copies.begin(), copies.end(), [](Copy const& copy) { return !copy.is_done; });
  return static_cast<std::size_t>(gap - copies.begin());
}

std::size_t LaneModel::unfinished() const noexcept {
  auto const held = std::count_if(copies.begin(), copies.end(), [](Copy const& copy) { return copy.node != nullptr; });
  return static_cast<std::size_t>(held);
}

std::int64_t Model::position_of(LaneModel const& lane, std::size_t index) const noexcept {
  return static_cast<std::int64_t>(restarts_positions_ ? index - lane.base + 1 : index + index / 3);
}

bool Model::is_current(Node const& node) const noexcept {
  auto const& lane = lanes[static_cast<std::size_t>(node.lane.id)];
  return lane.is_open && lane.epoch == node.lane.epoch;
}

std::size_t Model::bytes() const noexcept {
  std::size_t sum = 0;
  for (auto const& node : nodes_) {
    if (node.place != Node::Place::kFree) sum += node.key.size() + node.payload.size();
  }
  return sum;
}

std::size_t Model::ready() const {
  std::size_t count = 0;
  std::set<std::string_view> orders;
  for (auto const& node : nodes_) {
    if (node.place != Node::Place::kWaiting) continue;
    auto const active = active_.find(node.order);
    bool const is_first = active == active_.end() ? orders.insert(node.order).second : active->second == &node;
    if (node.order.empty() || is_first) ++count;
  }
  return count;
}

// --- the source ---

Node& Model::fill(std::int32_t id, std::uint32_t epoch, std::size_t index) {
  auto free = std::find_if(nodes_.begin(), nodes_.end(), [](auto const& n) { return n.place == Node::Place::kFree; });
  Node& node = free != nodes_.end() ? *free : nodes_.emplace_back();
  auto& lane = lanes[static_cast<std::size_t>(id)];
  auto& entry = lane.log[index];
  node.lane = {id, epoch};
  node.index = index;
  node.position = position_of(lane, index);
  node.key_bytes = entry.key;
  node.key = node.key_bytes;
  node.payload = entry.payload;
  node.redelivered = entry.was_delivered;
  node.order = ordering_ == Ordering::kKey ? entry.key : ordering_ == Ordering::kPartition ? std::to_string(id) : "";
  node.place = Node::Place::kRefused;
  if (!is_current(node) || lane.is_closing) return node;
  node.place = Node::Place::kWaiting;
  lane.copies.push_back({&node, false});
  ++received_;
  if (std::exchange(entry.was_delivered, true)) ++redelivered_;
  return node;
}

void Model::open_lane(std::int32_t id) {
  lose_lane(id);
  auto& lane = lanes[static_cast<std::size_t>(id)];
  lane.is_open = true;
  ++lane.epoch;
  lane.base = lane.settled;
}

void Model::lose_lane(std::int32_t id) {
  auto& lane = lanes[static_cast<std::size_t>(id)];
  lane.is_open = lane.is_closing = false;
  lane.copies.clear();
  lane.told = 0;
}

bool Model::settle(Settlement settlement) {
  auto& lane = lanes[static_cast<std::size_t>(settlement.lane.id)];
  if (!lane.is_open || lane.epoch != settlement.lane.epoch) return false;
  while (lane.settled < lane.log.size() && position_of(lane, lane.settled) <= settlement.position) {
    require(lane.log[lane.settled].is_done, "the broker is told to forget only what was handled or dead-lettered");
    ++lane.settled;
  }
  return true;
}

void Model::crash() {
  for (auto& node : nodes_) {
    if (node.place != Node::Place::kFree) release(node);
  }
  for (auto& lane : lanes) {
    lane.is_open = lane.is_closing = false;
    lane.copies.clear();
    lane.told = 0;
    lane.epoch = 0;
  }
  active_.clear();
  received_ = redelivered_ = stale_ = 0;
}

// --- the workers ---

void Model::begin(Node& node) {
  require(node.place == Node::Place::kWaiting, "only what waits and is due is handled");
  require(is_current(node), "nothing of a lost lane is begun");
  auto& lane = lane_of(node);
  if (!node.order.empty()) {
    auto& active = active_[node.order];
    require(active == nullptr || active == &node, "two messages of one key are never out at once");
    active = &node;
    for (std::size_t index = lane.base; index < node.index; ++index) {
      auto const& before = lane.copies[index - lane.base];
      bool const has_same_order = ordering_ == Ordering::kPartition || lane.log[index].key == node.key_bytes;
      require(!has_same_order || before.is_done, "messages of one key are handled in order of position");
    }
    for (std::size_t index = 0; index < node.index; ++index) {
      bool const has_same_order = ordering_ == Ordering::kPartition || lane.log[index].key == node.key_bytes;
      require(!has_same_order || lane.log[index].was_begun, "first handlings of one key come in order");
    }
  }
  lane.log[node.index].was_begun = true;
  node.place = Node::Place::kRunning;
}

void Model::finish(Node& node) {
  require(node.place == Node::Place::kRunning, "only what runs can end");
  node.place = Node::Place::kDone;
  auto& lane = lane_of(node);
  lane.log[node.index].is_done = true;
  if (is_current(node)) {
    lane.copies[node.index - lane.base] = {nullptr, true};
  } else {
    ++stale_;
  }
}

void Model::park(Node& node, bool was_kept) {
  require(node.place == Node::Place::kRunning, "only what ran can be parked");
  node.place = was_kept ? Node::Place::kParked : Node::Place::kRefused;
  bool const is_taken_in = is_current(node);
  require(is_taken_in || !was_kept, "nothing of a lost lane is parked");
  require(was_kept || !is_taken_in || lane_of(node).is_closing, "an open lane keeps what is to be retried");
  if (!is_taken_in) ++stale_;
}

void Model::release_due(Backlog::Clock::time_point now) {
  for (auto& node : nodes_) {
    if (node.place == Node::Place::kParked && node.due <= now) node.place = Node::Place::kWaiting;
  }
}

// --- checks ---

void Model::release(Node& node) {
  if (!node.order.empty()) {
    auto const active = active_.find(node.order);
    if (active != active_.end() && active->second == &node) active_.erase(active);
  }
  node.clear();
  // Whoever still looks at the bytes of a released message finds others.
  std::fill(node.key_bytes.begin(), node.key_bytes.end(), '#');
  node.place = Node::Place::kFree;
}

void Model::absorb(Effects& effects, std::function<void(Settlement)> const& when_settled) {
  for (auto const& settlement : effects.settlements) {
    auto& lane = lanes[static_cast<std::size_t>(settlement.lane.id)];
    require(lane.is_open && lane.epoch == settlement.lane.epoch, "no settlement names an epoch that is over");
    auto const complete = lane.complete();
    auto const allowed = complete > 0 ? position_of(lane, lane.base + complete - 1) : 0;
    require(complete > 0 && settlement.position <= allowed, "never settled past an unfinished message");
    require(complete > lane.told && settlement.position == allowed, "a settlement says all there is and something new");
    lane.told = complete;
    when_settled(settlement);
  }
  effects.settlements.clear();
  while (Inbound* const message = effects.released.pop()) {
    auto& node = static_cast<Node&>(*message);
    require(node.place != Node::Place::kFree, "no node is released twice");
    require(node.place != Node::Place::kRunning, "no node is released while its message runs");
    if (node.place != Node::Place::kDone && is_current(node)) {
      auto& lane = lane_of(node);
      require(lane.is_closing, "an open lane drops nothing");
      if (node.index - lane.base < lane.copies.size()) lane.copies[node.index - lane.base].node = nullptr;
    }
    release(node);
  }
}

void Model::check(Backlog& backlog) const {
  std::size_t in_flight = 0;
  for (auto const& lane : lanes) {
    if (!lane.is_open) continue;
    Lane const id{static_cast<std::int32_t>(&lane - lanes.data()), lane.epoch};
    auto const complete = lane.complete();
    require(lane.told == complete, "each progress of a lane is settled at once");
    in_flight += lane.copies.size() - complete;
    require(backlog.is_quiet(id) == (lane.unfinished() == 0), "a lane is quiet when nothing of it is left");
    auto const settled = backlog.settled(id);
    require(settled.has_value() == (complete > 0), "a lane is settled once its first message is done");
    require(!settled || settled->position == position_of(lane, lane.base + complete - 1),
            "a lane is settled up to its first unfinished message");
  }
  std::size_t held = 0;
  for (auto const& node : nodes_) {
    if (node.place == Node::Place::kFree) continue;
    ++held;
    require(node.place == Node::Place::kRunning ||
                (is_current(node) && node.place != Node::Place::kRefused && node.place != Node::Place::kDone),
            "no node is kept that nothing is to be done with");
  }
  require(backlog.is_quiet() == (held == 0), "all is quiet when no message is held");
  require(backlog.in_flight() == in_flight, "in_flight counts what is not settled");
  require(backlog.bytes() == bytes(), "bytes counts the messages held");
  require(backlog.received() == received_, "received counts what was taken in");
  require(backlog.redelivered() == redelivered_, "redelivered counts what had been delivered before");
  require(backlog.stale() == stale_, "stale counts what ended after its lane");
}

void Model::check_closed(LaneModel const& lane) const {
  auto const last = std::find_if(lane.copies.rbegin(), lane.copies.rend(),
                                 [](auto const& copy) { return copy.is_done || copy.node != nullptr; });
  require(last == lane.copies.rend() || last->is_done || last->node->place == Node::Place::kRunning,
          "a closing lane keeps nothing behind what runs or is done");
}

void Model::check_clean(LaneModel const& lane) const {
  for (std::size_t index = 0; index < lane.copies.size(); ++index) {
    require(!lane.copies[index].is_done || lane.base + index < lane.settled,
            "nothing handled is delivered again after a clean end");
  }
}

}  // namespace fairlead::simulation
