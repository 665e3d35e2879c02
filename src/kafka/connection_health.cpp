#include "kafka/connection_health.hpp"

#include <utility>

namespace fairlead::kafka {

void ConnectionHealth::failed(Error error, bool all_down) {
  std::lock_guard const lock(mutex_);
  in_doubt_.store(true, std::memory_order_relaxed);
  all_down_ = all_down_ || all_down;
  if (!error_ || !all_down) error_ = std::move(error);
}

void ConnectionHealth::works() {
  if (!is_in_doubt()) return;
  std::lock_guard const lock(mutex_);
  in_doubt_.store(false, std::memory_order_relaxed);
  if (std::exchange(all_down_, false)) ++reconnects_;
  error_.reset();
}

void ConnectionHealth::is_unreachable() {
  std::lock_guard const lock(mutex_);
  if (is_in_doubt()) all_down_ = true;
}

bool ConnectionHealth::all_down() const {
  std::lock_guard const lock(mutex_);
  return all_down_;
}

std::optional<Error> ConnectionHealth::last_error() const {
  std::lock_guard const lock(mutex_);
  return error_;
}

BrokerHealth ConnectionHealth::get() const {
  std::lock_guard const lock(mutex_);
  BrokerHealth health;
  health.state = all_down_ ? ConnectionState::kConnecting : ConnectionState::kConnected;
  if (all_down_) health.problem = error_;
  health.reconnects = reconnects_;
  return health;
}

}  // namespace fairlead::kafka
