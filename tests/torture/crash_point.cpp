#include "torture/crash_point.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

namespace fairlead::torture {
namespace {

using Place = CrashPoint::Place;

constexpr std::array<std::pair<std::string_view, Place>, 6> kPlaces{{{"before-handler", Place::kBeforeHandler},
                                                                     {"mid-handler", Place::kMidHandler},
                                                                     {"after-effect", Place::kAfterEffect},
                                                                     {"after-mark", Place::kAfterMark},
                                                                     {"before-ack", Place::kBeforeAck},
                                                                     {"after-ack", Place::kAfterAck}}};

std::atomic<bool> is_signalled{false};
static_assert(std::atomic<bool>::is_always_lock_free);

[[noreturn]] void die() noexcept {
  std::raise(SIGKILL);
  std::abort();
}

void die_after(std::chrono::milliseconds delay) {
  std::thread([delay] {
    std::this_thread::sleep_for(delay);
    die();
  }).detach();
}

}  // namespace

struct CrashPoint::State {
  Place place = Place::kNone;
  long at = 0;  // 0: when it is told
  std::atomic<long> begun{0};

  [[nodiscard]] bool is_due(Place where) const noexcept {
    return place == where && (is_signalled || (at > 0 && begun >= at));
  }
};

namespace {

class DyingStore final : public IdempotencyStore {
 public:
  DyingStore(std::shared_ptr<IdempotencyStore> store, CrashPoint point)
      : store_(std::move(store)), point_(std::move(point)) {}

  Result<Claim> claim(ClaimKey key, std::string_view owner, std::chrono::milliseconds lease) override {
    return store_->claim(key, owner, lease);
  }
  Result<bool> complete(ClaimKey key, std::string_view owner, std::chrono::milliseconds keep) override {
    auto done = store_->complete(key, owner, keep);
    point_.reach(Place::kAfterMark);
    return done;
  }
  Result<void> release(ClaimKey key, std::string_view owner) override { return store_->release(key, owner); }

 private:
  std::shared_ptr<IdempotencyStore> store_;
  CrashPoint point_;
};

}  // namespace

CrashPoint CrashPoint::from_environment() {
  auto state = std::make_shared<State>();
  char const* const value = std::getenv("FAIRLEAD_TORTURE_CRASHPOINT");
  if (value == nullptr) return CrashPoint(state);
  std::string_view const text(value);
  auto const colon = text.find(':');
  for (auto const& [name, place] : kPlaces) {
    if (name == text.substr(0, colon)) state->place = place;
  }
  if (colon != std::string_view::npos) state->at = std::atol(value + colon + 1);
  if (state->place == Place::kNone || (colon != std::string_view::npos && state->at < 1)) {
    std::cerr << "FAIRLEAD_TORTURE_CRASHPOINT: '" << text << "' is not PLACE or PLACE:NUMBER" << std::endl;
    std::_Exit(2);
  }
  std::signal(SIGUSR1, [](int) { is_signalled = true; });
  return CrashPoint(state);
}

void CrashPoint::begin() noexcept {
  ++state_->begun;
  reach(Place::kBeforeHandler);
}

void CrashPoint::reach(Place place) noexcept {
  if (state_->is_due(place)) die();
}

void CrashPoint::decided() noexcept {
  using namespace std::chrono_literals;
  if (state_->is_due(Place::kBeforeAck)) die_after(1ms);
  if (state_->is_due(Place::kAfterAck)) die_after(20ms);
}

std::shared_ptr<IdempotencyStore> CrashPoint::store() {
  if (state_->place != Place::kAfterMark) return nullptr;
  return std::make_shared<DyingStore>(open_idempotency_store("memory:").value(), *this);
}

}  // namespace fairlead::torture
