#include "unit/consume/simulation.hpp"

#include <algorithm>
#include <utility>

namespace fairlead::simulation {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostMessagesPerLane = 40;
constexpr std::size_t kLongestPayload = 30;

std::uint64_t one_hash_for_all(std::string_view) noexcept { return 7; }

}  // namespace

History::History(SourceKind kind, Ordering ordering, std::uint64_t seed, std::ostream* story)
    : random_(seed),
      kind_(kind),
      story_(story),
      max_messages_(4 + pick(13)),
      max_bytes_(chance(50) ? 100'000 : 20 + pick(200)),
      trouble_(pick(3) * 25),
      keys_(1 + pick(5)),
      keeps_dead_letters_(chance(75)),
      retry_{static_cast<int>(1 + pick(4)), 10ms, 100ms, 2.0, {}},
      hash_(chance(30) ? one_hash_for_all : KeyedDispatcher::hash_key),
      ordering_(ordering),
      model_(ordering, kind == SourceKind::kQueue, 1 + pick(3)),
      backlog_(ordering, max_messages_, max_bytes_, hash_),
      workers_(1 + pick(4)) {
  say(model_.lanes.size(), " lanes, ", workers_.size(), " workers, ", keys_, " keys, at most ", max_messages_,
      " messages of ", max_bytes_, " bytes, trouble ", trouble_, " %");
}

void History::run() {
  for (std::size_t steps = 10 + pick(51); steps > 0; --steps) {
    step();
    check();
  }
  if (chance(50)) drain_cleanly();
  heal();
}

void History::step() {
  auto const dice = pick(100);
  if (dice < 12) return arrive();
  if (dice < 24) return deliver(any_lane());
  if (dice < 68) {
    for (std::size_t times = 1 + pick(4); times > 0; --times) work(workers_[pick(workers_.size())]);
    return;
  }
  if (dice < 72) return relieve(workers_[pick(workers_.size())]);
  if (dice < 78) return end_dead_letter();
  if (dice < 82) return let_time_pass();
  if (dice < 87) return settle_one();
  if (dice < 92) return open_lane(any_lane());
  if (dice < 94) return lose_lane(any_lane());
  if (dice < 97) return revoke(any_lane());
  if (dice < 98) return deliver_late();
  if (dice < 99) return is_draining_ ? end_drain() : close_intake();
  return crash();
}

// --- the source ---

void History::arrive() {
  auto& log = lane(any_lane()).log;
  for (std::size_t count = 1 + pick(6); count > 0 && log.size() < kMostMessagesPerLane; --count) {
    auto const key = pick(keys_ + 1);  // the last one is no key
    log.push_back({key < keys_ ? std::string(1 + key, static_cast<char>('a' + key)) : std::string(),
                   std::string(pick(kLongestPayload + 1), 'x')});
  }
}

void History::deliver(std::int32_t id) {
  auto& lane = this->lane(id);
  if (!lane.is_open) return;
  std::size_t messages = 0;
  std::size_t bytes = std::size_t{1} << 20;
  if (kind_ == SourceKind::kQueue) {
    auto const prefetch = max_messages_ / model_.lanes.size();
    auto const unacked = lane.base + lane.copies.size() - lane.settled;
    messages = prefetch - std::min(prefetch, unacked);
  } else {
    if (source_waits_) return;
    auto const room = backlog_.room();
    source_waits_ = !room;
    messages = room.messages;
    bytes = room ? room.bytes : 0;
  }
  auto index = lane.base + lane.copies.size();
  InboundList batch;
  for (std::size_t taken = 0; messages > 0 && taken < bytes && index < lane.log.size() && chance(90); --messages) {
    Node& node = model_.fill(id, lane.epoch, index++);
    taken += node.key.size() + node.payload.size();
    batch.push(node);
    say("deliver ", name_of(node));
  }
  backlog_.add(batch, effects_);
  check();
}

void History::deliver_late() {
  auto const id = any_lane();
  if (lane(id).epoch == 0 || lane(id).log.empty()) return;
  Node& node = model_.fill(id, lane(id).epoch - 1, pick(lane(id).log.size()));
  say("deliver too late ", name_of(node));
  InboundList batch;
  batch.push(node);
  backlog_.add(batch, effects_);
}

void History::settle_one() {
  if (told_.empty()) return;
  // In any order: workers tell the source without a lock.
  auto const chosen = told_.begin() + static_cast<std::ptrdiff_t>(pick(told_.size()));
  bool const is_taken = model_.settle(*chosen);
  say(is_taken ? "settle " : "ignore ", chosen->lane.id, '/', chosen->lane.epoch, " position ", chosen->position);
  told_.erase(chosen);
}

void History::flush(std::int32_t id) {
  auto const is_of_lane = [id](Settlement const& settlement) { return settlement.lane.id == id; };
  for (auto const& settlement : told_) {
    if (is_of_lane(settlement)) (void)model_.settle(settlement);
  }
  told_.erase(std::remove_if(told_.begin(), told_.end(), is_of_lane), told_.end());
}

void History::open_lane(std::int32_t id) {
  relieve_all();
  model_.open_lane(id);
  say("open ", id, '/', lane(id).epoch, " from ", lane(id).base);
  backlog_.open_lane({id, lane(id).epoch}, effects_);
  lane(id).is_closing = is_draining_;
}

void History::lose_lane(std::int32_t id) {
  if (!lane(id).is_open) return;
  relieve_all();
  say("lose ", id);
  model_.lose_lane(id);
  backlog_.lose_lane({id, lane(id).epoch}, effects_);
}

void History::revoke(std::int32_t id) {
  if (!lane(id).is_open) return;
  if (lane(id).is_closing) return end_revoke(id);
  relieve_all();
  say("close ", id);
  model_.close_lane(id);
  backlog_.close_lane({id, lane(id).epoch}, effects_);
  check();
  model_.check_closed(lane(id));
}

void History::end_revoke(std::int32_t id) {
  relieve_all();
  Lane const name{id, lane(id).epoch};
  bool const is_quiet = backlog_.is_quiet(name);
  say("end of ", id, is_quiet ? ", quiet" : ", too late");
  if (auto const settled = backlog_.settled(name)) told_.push_back(*settled);
  flush(id);
  if (is_quiet) model_.check_clean(lane(id));
  model_.lose_lane(id);
  backlog_.lose_lane(name, effects_);
}

void History::close_intake() {
  relieve_all();
  say("close intake");
  is_draining_ = true;
  std::vector<LaneModel const*> closed;
  for (auto& lane : model_.lanes) {
    if (lane.is_open && !std::exchange(lane.is_closing, true)) closed.push_back(&lane);
  }
  backlog_.close_intake(effects_);
  check();
  for (auto const* const lane : closed) model_.check_closed(*lane);
}

void History::end_drain() {
  bool const is_quiet = backlog_.is_quiet();
  say("end of drain", is_quiet ? ", quiet" : ", too late");
  for (auto const& settlement : backlog_.settled()) told_.push_back(settlement);
  for (std::int32_t id = 0; id < static_cast<std::int32_t>(model_.lanes.size()); ++id) {
    flush(id);
    if (is_quiet) model_.check_clean(lane(id));
    model_.lose_lane(id);
  }
  if (is_quiet) {
    backlog_.lose_all_lanes(effects_);
    check();
  }
  crash();  // what is left goes with the process
}

void History::crash() {
  say("crash");
  model_.crash();
  backlog_ = Backlog(ordering_, max_messages_, max_bytes_, hash_);
  effects_ = {};
  auto const workers = workers_.size();
  workers_.clear();
  workers_.resize(workers);
  dead_letters_.clear();
  told_.clear();
  is_draining_ = source_waits_ = false;
}

void History::check() {
  if (effects_.room) {
    require(source_waits_, "the source is called only when it waits");
    source_waits_ = effects_.room = false;
  }
  model_.absorb(effects_, [this](Settlement settlement) { told_.push_back(settlement); });
  model_.check(backlog_);
  if (is_all_begun()) require(backlog_.ready() == model_.ready(), "each key has its next message ready");
  require(backlog_.in_flight() <= max_messages_, "never more messages in flight than allowed");
  require(kind_ == SourceKind::kQueue || backlog_.bytes() < max_bytes_ + kLongestPayload + keys_,
          "never more bytes than allowed and one message");
}

// --- the end of a history ---

void History::pass_smoothly() {
  for (auto& worker : workers_) {
    for (int times = 0; times < 10; ++times) work(worker);
  }
  check();
  while (!dead_letters_.empty()) end_dead_letter();
  now_ = std::max(now_, backlog_.next_due().value_or(now_));
  backlog_.release_due(now_);
  model_.release_due(now_);
  while (!told_.empty()) settle_one();
  check();
}

void History::drain_cleanly() {
  trouble_ = 0;
  if (!is_draining_) close_intake();
  check();
  for (int rounds = 0; !backlog_.is_quiet(); ++rounds) {
    require(rounds < 1'000, "a drain comes to its end");
    pass_smoothly();
  }
  end_drain();
}

bool History::is_whole() const {
  return backlog_.is_quiet() && std::all_of(model_.lanes.begin(), model_.lanes.end(), [](LaneModel const& lane) {
           return lane.is_open && !lane.is_closing && lane.settled == lane.log.size();
         });
}

void History::heal() {
  say("heal");
  trouble_ = 0;
  for (int rounds = 0; !is_whole(); ++rounds) {
    require(rounds < 1'000, "with everything in order each message is handled and settled");
    if (is_draining_ && backlog_.is_quiet()) end_drain();
    for (std::int32_t id = 0; id < static_cast<std::int32_t>(model_.lanes.size()); ++id) {
      if (!is_draining_ && lane(id).is_closing && backlog_.is_quiet({id, lane(id).epoch})) end_revoke(id);
      if (!is_draining_ && !lane(id).is_open) open_lane(id);
      check();
      deliver(id);
    }
    pass_smoothly();
  }
  for (auto const& lane : model_.lanes) {
    require(std::all_of(lane.log.begin(), lane.log.end(), [](auto const& entry) { return entry.is_done; }),
            "each message is handled or dead-lettered at least once");
  }
  require(backlog_.in_flight() == 0 && model_.bytes() == 0, "nothing is left behind");
}

}  // namespace fairlead::simulation
