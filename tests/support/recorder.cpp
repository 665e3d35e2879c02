#include "support/recorder.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

namespace fairlead::test {

Seen Seen::copy_of(Delivery const& delivery) {
  Seen seen;
  seen.payload = delivery.payload();
  seen.key = delivery.key();
  for (HeaderView const& header : delivery.headers()) seen.headers.set(header.name, header.value);
  seen.id = delivery.id();
  seen.idempotency_key = delivery.idempotency_key();
  seen.content_type = delivery.content_type();
  seen.routing_key = delivery.routing_key();
  seen.traceparent = delivery.traceparent();
  seen.destination = delivery.destination();
  seen.group = delivery.group();
  seen.partition = delivery.partition();
  seen.position = delivery.position();
  seen.timestamp = delivery.timestamp();
  seen.attempt = delivery.attempt();
  seen.redelivered = delivery.redelivered();
  return seen;
}

std::string Seen::header(std::string_view name) const { return std::string(headers.get(name).value_or("<missing>")); }

struct Recorder::State {
  mutable std::mutex mutex;
  std::vector<Seen> seen;
  std::size_t finished = 0;
  std::size_t running = 0;
  std::size_t most_at_once = 0;
  std::map<std::string, int, std::less<>> running_by_key;
  bool overlapped = false;

  void begin(Seen const& message) {
    std::lock_guard const lock(mutex);
    seen.push_back(message);
    most_at_once = std::max(most_at_once, ++running);
    if (!message.key.empty() && ++running_by_key[message.key] > 1) overlapped = true;
  }
  void end(Seen const& message) {
    std::lock_guard const lock(mutex);
    ++finished;
    --running;
    if (!message.key.empty()) --running_by_key[message.key];
  }
};

namespace {

/// Counts a handling as finished however its handler leaves.
template <class F>
class OnExit {
 public:
  explicit OnExit(F action) : action_(std::move(action)) {}
  OnExit(OnExit const&) = delete;
  OnExit& operator=(OnExit const&) = delete;
  ~OnExit() { action_(); }

 private:
  F action_;
};

}  // namespace

Recorder::Recorder() : state_(std::make_shared<State>()) {}

Handler Recorder::handler(Decide decide) const {
  return [state = state_, decide = std::move(decide)](Delivery const& delivery) -> Outcome {
    Seen const message = Seen::copy_of(delivery);
    state->begin(message);
    something_changed();
    OnExit const finish([&] {
      state->end(message);
      something_changed();
    });
    return decide ? decide(message) : ack();
  };
}

Handler Recorder::handler_behind(Gate gate) const {
  return handler([gate = std::move(gate)](Seen const&) {
    gate.wait();
    return ack();
  });
}

std::size_t Recorder::begun() const {
  std::lock_guard const lock(state_->mutex);
  return state_->seen.size();
}

std::size_t Recorder::finished() const {
  std::lock_guard const lock(state_->mutex);
  return state_->finished;
}

std::vector<Seen> Recorder::seen() const {
  std::lock_guard const lock(state_->mutex);
  return state_->seen;
}

std::vector<std::string> Recorder::payloads() const {
  std::lock_guard const lock(state_->mutex);
  std::vector<std::string> all;
  for (Seen const& message : state_->seen) all.push_back(message.payload);
  return all;
}

std::set<std::string> Recorder::distinct_payloads() const {
  std::lock_guard const lock(state_->mutex);
  std::set<std::string> distinct;
  for (Seen const& message : state_->seen) distinct.insert(message.payload);
  return distinct;
}

bool Recorder::has(std::string_view payload) const {
  std::lock_guard const lock(state_->mutex);
  return std::any_of(state_->seen.begin(), state_->seen.end(),
                     [&](Seen const& message) { return message.payload == payload; });
}

std::size_t Recorder::most_at_once() const {
  std::lock_guard const lock(state_->mutex);
  return state_->most_at_once;
}

bool Recorder::overlapped_within_a_key() const {
  std::lock_guard const lock(state_->mutex);
  return state_->overlapped;
}

}  // namespace fairlead::test
